from django.urls import path

from havre.people import views

urlpatterns = [
    path("personnes/", views.people, name="people"),
    path("personnes/nouvelle/", views.person_new, name="person-new"),
    path("personnes/<uuid:id>/", views.person, name="person"),
    path("personnes/<uuid:id>/journal/", views.journal, name="journal"),
    path("personnes/<uuid:id>/accord/", views.consent_new, name="consent-new"),
    path("personnes/<uuid:id>/accord/signature/", views.consent_sign, name="consent-sign"),
    path("personnes/<uuid:id>/accord/refus/", views.consent_declined, name="consent-declined"),
    path("effacement/", views.erasure, name="erasure"),
    path("accords/<uuid:id>/merci/", views.consent_thanks, name="consent-thanks"),
    path("accords/<uuid:id>/", views.consent, name="consent"),
    path("accords/<uuid:id>/recu.pdf", views.consent_receipt, name="consent-receipt"),
    path("accords/<uuid:id>/fin/", views.consent_end, name="consent-end"),
]
