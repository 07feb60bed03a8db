from django.urls import path

from mailguard.protection import views

app_name = "protection"

urlpatterns = [
    path("protection/", views.index, name="index"),
    path("protection/<str:key>/", views.switch, name="switch"),
    path("protection/<str:key>/confirm/", views.confirm, name="confirm"),
]
