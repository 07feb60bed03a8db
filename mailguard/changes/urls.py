from django.urls import path

from mailguard.changes import lint_views, order_views, past, preset_views, views

app_name = "changes"

urlpatterns = [
    path("review/", views.review, name="review"),
    path("review/only/", views.only, name="only"),
    path("review/discard/", views.discard, name="discard"),
    path("review/adopt/", views.adopt, name="adopt"),
    path("findings/", lint_views.lint, name="lint"),
    path("findings/mend/", lint_views.mend, name="mend"),
    path("protection/order/", order_views.order, name="order"),
    path("protection/order/move/", order_views.move, name="move"),
    path("protection/order/drop/", order_views.drop, name="drop"),
    path("protection/order/all/", order_views.arrange, name="arrange"),
    path("protection/presets/", preset_views.presets, name="presets"),
    path("protection/presets/<slug:name>/", preset_views.one, name="preset"),
    path("panic/", views.panic, name="panic"),
    path("history/", past.history, name="history"),
    path("history/changes/", past.changes, name="changes"),
    path("history/changes/<int:pk>/undo/", past.undo_change, name="undo_change"),
    path("history/compare/", past.compare, name="compare"),
    path("history/<int:number>/", past.revision, name="revision"),
    path("history/<int:number>/restore/", past.restoring, name="restore"),
    path("history/<int:number>/undo/", past.undo_of, name="undo"),
]
