from django.urls import path

from mailguard.sending import views

app_name = "sending"

urlpatterns = [
    path("sending/", views.index, name="index"),
]
