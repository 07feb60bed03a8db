from django.urls import path

from mailguard.lists import import_views, pin_views, views

app_name = "lists"

urlpatterns = [
    path("entries/", views.index, name="index"),
    path("entries/add/", views.add, name="add"),
    path("entries/remove/", views.remove, name="remove"),
    path("entries/export/", views.export, name="export"),
    path("entries/<int:pk>/", views.entry, name="entry"),
    path("entries/import/", import_views.upload, name="upload"),
    path("entries/import/<int:pk>/", import_views.job, name="job"),
    path("entries/import/<int:pk>/confirm/", import_views.confirm, name="confirm"),
    path("entries/import/<int:pk>/cancel/", import_views.cancel, name="cancel"),
    path("entries/import/<int:pk>/refused/", import_views.refused, name="refused"),
    path("pins/", pin_views.index, name="pins"),
    path("pins/add/", pin_views.add, name="add_pin"),
    path("pins/add/domain/", pin_views.add_domain, name="add_pin_domain"),
    path("pins/<int:pk>/remove/", pin_views.remove, name="remove_pin"),
]
