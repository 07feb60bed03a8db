from django.urls import path

from mailguard.protection import (
    blocklist_views,
    domain_views,
    list_views,
    relay_views,
    views,
)

app_name = "protection"

urlpatterns = [
    path("domains/", domain_views.domains, name="domains"),
    path("domains/add/", domain_views.add_domain, name="add_domain"),
    path("domains/remove/", domain_views.remove_domain, name="remove_domain"),
    path("domains/except/", domain_views.add_exception, name="add_exception"),
    path("domains/may-send/", domain_views.may_send, name="may_send"),
    path("domains/refuse/", domain_views.remove_exception, name="remove_exception"),
    path("domains/reply/", domain_views.set_reply, name="set_reply"),
    path("relays/", relay_views.relays, name="relays"),
    path("relays/add/", relay_views.add_relay, name="add_relay"),
    path("relays/add-seen/", relay_views.add_relays, name="add_relays"),
    path("relays/remove/", relay_views.remove_relay, name="remove_relay"),
    path("blocklists/", blocklist_views.blocklists, name="blocklists"),
    path("blocklists/check/", blocklist_views.check, name="check_lists"),
    path("blocklists/add/", list_views.add_list, name="add_list"),
    path("blocklists/remove/", list_views.remove_list, name="remove_list"),
    path("blocklists/key/", list_views.set_key, name="set_key"),
    path("blocklists/key/remove/", list_views.forget_key, name="forget_key"),
    path("protection/", views.index, name="index"),
    path("protection/<str:key>/", views.switch, name="switch"),
    path("protection/<str:key>/confirm/", views.confirm, name="confirm"),
]
