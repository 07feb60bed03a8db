from django.urls import path

from mailguard.changes import (
    history_views,
    lint_views,
    order_views,
    preset_views,
    views,
)

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
    path("history/", history_views.history, name="history"),
    path("history/changes/", history_views.changes, name="changes"),
    path(
        "history/changes/<int:pk>/undo/", history_views.undo_change, name="undo_change"
    ),
    path("history/compare/", history_views.compare, name="compare"),
    path("history/<int:number>/", history_views.revision, name="revision"),
    path("history/<int:number>/restore/", history_views.restoring, name="restore"),
    path("history/<int:number>/undo/", history_views.undo_of, name="undo"),
]
