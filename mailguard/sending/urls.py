from django.urls import path

from mailguard.sending import network_views, views

app_name = "sending"

urlpatterns = [
    path("sending/", views.index, name="index"),
    path("sending/networks/", network_views.index, name="networks"),
    path("sending/networks/add/", network_views.add_network, name="add_network"),
    path(
        "sending/networks/remove/", network_views.remove_network, name="remove_network"
    ),
    path("sending/networks/note/", network_views.note_network, name="note_network"),
]
