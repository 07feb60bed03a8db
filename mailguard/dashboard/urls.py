from django.urls import path

from mailguard.dashboard import views

app_name = "dashboard"

urlpatterns = [
    path("", views.home, name="home"),
    path("readyz", views.ready, name="ready"),
]
