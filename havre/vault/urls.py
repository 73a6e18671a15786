from django.urls import path

from havre.vault import views

urlpatterns = [
    path("personnes/<uuid:id>/documents/ajouter/", views.document_new, name="document-new"),
    path("documents/<uuid:id>/", views.document, name="document"),
    path("documents/<uuid:id>/impression/", views.document_print, name="document-print"),
    path("documents/<uuid:id>/pages/<int:number>.jpg", views.page, {"size": "page"}, name="document-page"),
    path(
        "documents/<uuid:id>/vignettes/<int:number>.jpg", views.page, {"size": "thumb"}, name="document-thumb"
    ),
    path("documents/<uuid:id>/original/", views.original, name="document-original"),
]
