from django.urls import path

from mailguard.traffic import log_views, suggestion_views, views

app_name = "traffic"

urlpatterns = [
    path("search/", views.index, name="search"),
    path("search/<int:pk>/", views.attempt, name="attempt"),
    path("log/", log_views.log, name="log"),
    path("log/read/", log_views.read, name="read"),
    path("log/<int:pk>/cancel/", log_views.cancel, name="cancel"),
    path("log/keep/", log_views.keep, name="keep"),
    path("greylisting/suggestions/", suggestion_views.index, name="suggestions"),
    path("greylisting/suggestions/ignore/", suggestion_views.ignore, name="ignore"),
    path("greylisting/suggestions/again/", suggestion_views.heed, name="heed"),
]
