from mailguard.traffic import greylist_urls

app_name = "traffic"

urlpatterns = [*greylist_urls.urlpatterns]
