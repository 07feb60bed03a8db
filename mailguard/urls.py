"""One line a room; a page's address is its room's name."""

from django.urls import include, path

urlpatterns = [
    path("", include("mailguard.dashboard.urls")),
    path("", include("mailguard.accounts.urls")),
    path("", include("mailguard.traffic.urls")),
    path("", include("mailguard.changes.urls")),  # before a control's own page
    path("", include("mailguard.protection.urls")),
    path("", include("mailguard.lists.urls")),
    path("", include("mailguard.greylisting.urls")),
    path("", include("mailguard.sending.urls")),
    path("", include("mailguard.rehearsals.urls")),
]
