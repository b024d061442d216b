# One file for every image of Vitrine: EXTRAS chooses the role's packages.
#   docker build --build-arg EXTRAS=gateway .
FROM python:3.13-slim AS build
ARG EXTRAS=server
WORKDIR /src
RUN python -m venv /opt/vitrine
COPY pyproject.toml constraints.txt hatch_build.py README.md LICENSE ./
COPY api api
COPY collector collector
COPY core core
COPY dashboards dashboards
COPY database database
COPY demo demo
COPY evaluation evaluation
COPY examples examples
COPY gateway gateway
COPY quality quality
COPY simulators simulators
RUN /opt/vitrine/bin/pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/vitrine --create-home vitrine
COPY --from=build /opt/vitrine /opt/vitrine
COPY examples /usr/share/vitrine/examples
ENV PATH=/opt/vitrine/bin:$PATH PYTHONUNBUFFERED=1 VITRINE_DATA_DIR=/var/lib/vitrine VITRINE_LOG_FORMAT=json
USER vitrine
WORKDIR /var/lib/vitrine
VOLUME /var/lib/vitrine
ENTRYPOINT ["vitrine"]
CMD ["--help"]
