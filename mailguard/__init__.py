"""The web application; one room a feature, each with Django's own file names.

Nothing is imported here: the supervisor stays small, and apps.py makes the Celery
application known.
"""
