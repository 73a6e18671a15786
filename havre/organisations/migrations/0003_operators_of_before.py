from typing import Any

from django.db import migrations


def name_operators(apps: Any, schema_editor: Any) -> None:
    """Who was marked as an operator becomes a dated row."""
    users = apps.get_model("accounts", "User").objects.filter(is_operator=True)
    operators = apps.get_model("organisations", "Operator").objects
    operators.bulk_create(operators.model(user=user, since=user.created_at) for user in users)


class Migration(migrations.Migration):
    dependencies = [("organisations", "0002_operator")]
    run_before = [("accounts", "0002_remove_user_is_operator")]
    operations = [migrations.RunPython(name_operators, migrations.RunPython.noop)]
