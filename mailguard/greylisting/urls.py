from django.urls import path

from mailguard.greylisting import views

app_name = "greylisting"

urlpatterns = [
    path("greylisting/", views.index, name="index"),
    path("greylisting/mode/", views.switch, name="switch"),
    path("greylisting/settings/", views.settings, name="settings"),
    path("greylisting/service/", views.service, name="service"),
]
