from django.urls import path

from mailguard.changes import views

app_name = "changes"

urlpatterns = [
    path("review/", views.review, name="review"),
    path("review/discard/", views.discard, name="discard"),
    path("review/adopt/", views.adopt, name="adopt"),
    path("history/", views.history, name="history"),
    path("history/<int:number>/", views.revision, name="revision"),
]
