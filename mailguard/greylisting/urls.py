from django.urls import path

from mailguard.greylisting import refresh_views, views, whitelist_views

app_name = "greylisting"
WHITELIST = "greylisting/whitelist/"
REFRESH = f"{WHITELIST}refresh/"

urlpatterns = [
    path("greylisting/", views.index, name="index"),
    path("greylisting/mode/", views.switch, name="switch"),
    path("greylisting/settings/", views.settings, name="settings"),
    path("greylisting/service/", views.service, name="service"),
    path(WHITELIST, whitelist_views.index, name="whitelist"),
    path(f"{WHITELIST}add/", whitelist_views.add, name="add"),
    path(f"{WHITELIST}remove/", whitelist_views.remove, name="remove"),
    path(f"{WHITELIST}accept/", whitelist_views.accept, name="accept"),
    path(f"{WHITELIST}<int:pk>/", whitelist_views.entry, name="entry"),
    path(REFRESH, refresh_views.index, name="refresh"),
    path(f"{REFRESH}now/", refresh_views.now, name="refresh_now"),
    path(f"{REFRESH}schedule/", refresh_views.schedule, name="refresh_schedule"),
    path(f"{REFRESH}upload/", refresh_views.upload, name="refresh_upload"),
    path(f"{REFRESH}<int:pk>/", refresh_views.attempt, name="attempt"),
    path(f"{REFRESH}<int:pk>/again/", refresh_views.again, name="again"),
]
