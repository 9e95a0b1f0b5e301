# crm2odoo on the official Airflow image, for compose and for Airflow's Helm chart:
#   docker build -t crm2odoo .
# The image holds the package, its DAG loader and nothing of a project: mount or sync mappings/ to /opt/airflow/crm2odoo/mappings.
ARG AIRFLOW_VERSION=3.3.2
FROM apache/airflow:${AIRFLOW_VERSION}-python3.12
ARG AIRFLOW_VERSION

USER root
# What WeasyPrint needs to write PDF.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*
COPY --chown=airflow:0 dags /tmp/crm2odoo/dags
COPY --chown=airflow:0 sql /tmp/crm2odoo/sql
COPY --chown=airflow:0 mappings /tmp/crm2odoo/mappings
COPY --chown=airflow:0 terraform /tmp/crm2odoo/terraform
COPY --chown=airflow:0 plugins /tmp/crm2odoo/plugins

USER airflow
# The version of Airflow is the image's: pip must not change it.
RUN pip install --no-cache-dir "apache-airflow==${AIRFLOW_VERSION}" /tmp/crm2odoo/plugins \
    && mkdir -p /opt/airflow/dags /opt/airflow/crm2odoo/mappings/projects /opt/airflow/secrets /opt/airflow/documents \
    && cp /tmp/crm2odoo/dags/migrations.py /opt/airflow/dags/

ENV CRM2ODOO_ROOT=/opt/airflow/crm2odoo \
    AIRFLOW__CORE__LOAD_EXAMPLES=False

HEALTHCHECK --interval=60s --timeout=30s --retries=3 CMD ["python", "-c", "import crm2odoo, crm2odoo.project"]
