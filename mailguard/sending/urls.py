from django.urls import path

from mailguard.sending import views

app_name = "sending"

urlpatterns = [
    path("sending/", views.index, name="index"),
    path("sending/switch/<str:key>/", views.switch, name="switch"),
    path("sending/confirm/<str:key>/", views.confirm, name="confirm"),
]
