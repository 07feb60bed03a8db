from django.urls import path

from mailguard.traffic import views

app_name = "traffic"

urlpatterns = [
    path("search/", views.index, name="search"),
    path("search/<int:pk>/", views.attempt, name="attempt"),
]
