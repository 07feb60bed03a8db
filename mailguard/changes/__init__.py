"""From a draft to a live server: plan, apply, history, adoption and drift."""
