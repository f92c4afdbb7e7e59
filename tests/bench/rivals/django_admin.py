"""Django's admin with DEBUG off (so templates are cached), pooled connections, and all features.

https://docs.djangoproject.com/en/5.2/howto/deployment/checklist/
"""

import django
from django.apps import apps
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from tests.bench.rivals import KINDS, OFFERED, SEARCHED, SHOWN, STATUSES, database_url

SESSION_COOKIE = "sessionid"


def _database() -> dict[str, object]:
    parts = conninfo_to_dict(database_url())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts["dbname"],
        "USER": parts["user"],
        "HOST": parts["host"],
        "OPTIONS": {"pool": True},
    }


settings.configure(
    DEBUG=False,
    SECRET_KEY="a secret of the bench, known to all",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": _database()},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    STATIC_URL="/static/",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
django.setup()

from django.contrib import admin  # noqa: E402 - Django's models need its settings
from django.core.management import call_command  # noqa: E402
from django.core.paginator import Paginator  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils.functional import cached_property  # noqa: E402


class Application(models.Model):
    """The application that a key belongs to."""

    id = models.CharField(primary_key=True, max_length=40)
    name = models.CharField(max_length=200)

    class Meta:
        app_label = "auth"  # any installed one, because this module is not a Django app
        db_table = "bench_application"
        managed = False

    def __str__(self) -> str:
        return self.name


class Key(models.Model):
    """A row of the table `bench_key`."""

    id = models.CharField(primary_key=True, max_length=40)
    name = models.CharField(max_length=200)
    key_prefix = models.CharField(max_length=12)
    last4 = models.CharField(max_length=4)
    application = models.ForeignKey(
        Application, on_delete=models.PROTECT, null=True, db_constraint=False
    )
    kind = models.CharField(max_length=20, choices=KINDS)
    scopes = models.TextField()
    issued_to_service = models.CharField(max_length=200, null=True)
    last_used_at = models.DateTimeField(null=True)
    blocked = models.BooleanField()
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=STATUSES)

    class Meta:
        app_label = "auth"
        db_table = "bench_key"
        managed = False

    def __str__(self) -> str:
        return self.name


class LargeKey(Key):
    """The same table, in an admin that is set up for large tables."""

    class Meta:
        app_label = "auth"
        proxy = True


class ApplicationFilter(admin.SimpleListFilter):
    """A filter with as many applications as the portal's page offers, sorted by name."""

    title = parameter_name = "application"

    def lookups(self, request: object, model_admin: object) -> list[tuple[str, str]]:
        return list(Application.objects.order_by("name", "id").values_list("id", "name")[:OFFERED])

    def queryset(self, request: object, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.filter(application=self.value()) if self.value() else queryset


@admin.register(Key)
class KeyAdmin(admin.ModelAdmin):
    """The change list with 50 rows, and the columns, search and filters of the portal's page."""

    list_display = SHOWN
    list_filter = ("status", "blocked", "kind", ApplicationFilter)
    list_select_related = ("application",)
    search_fields = SEARCHED
    list_per_page = 50
    ordering = ("-id",)


class EstimatingPaginator(Paginator):
    """Count a whole table by PostgreSQL's own estimate, so that no list reads all rows."""

    @cached_property
    def count(self) -> int:
        """Return the estimated number of rows, or the exact one if the list is filtered."""
        if self.object_list.query.where:
            return int(super().count)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                [self.object_list.model._meta.db_table],
            )
            return int(cursor.fetchone()[0])


@admin.register(LargeKey)
class LargeKeyAdmin(KeyAdmin):
    """The same change list as Django's documentation advises it for large tables.

    https://docs.djangoproject.com/en/5.2/ref/contrib/admin/#django.contrib.admin.ModelAdmin.show_full_result_count
    """

    show_full_result_count = False
    paginator = EstimatingPaginator


urlpatterns = [path("admin/", admin.site.urls)]


def prepare() -> str:
    """Create Django's own tables and a signed-in administrator; return the session's key."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    call_command("migrate", verbosity=0)
    user = User.objects.filter(username="ada").first() or User.objects.create_superuser("ada")
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


assert apps.ready
app = get_wsgi_application()

if __name__ == "__main__":
    print(prepare())
