from django.urls import path

from mailguard.rehearsals import views

app_name = "rehearsals"

urlpatterns = [
    path("rehearsal/", views.index, name="index"),
    path("rehearsal/ask/", views.ask, name="ask"),
    path("rehearsal/effect/", views.effect, name="effect"),
    path("rehearsal/still/", views.still, name="still"),
    path("rehearsal/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("rehearsal/trial/<int:pk>/", views.trial, name="trial"),
]
