from django.urls import path

from mailguard.traffic import suggestion_views

urlpatterns = [
    path("greylisting/suggestions/", suggestion_views.index, name="suggestions"),
    path("greylisting/suggestions/ignore/", suggestion_views.ignore, name="ignore"),
    path("greylisting/suggestions/again/", suggestion_views.heed, name="heed"),
]
