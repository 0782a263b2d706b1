# syntax=docker/dockerfile:1
# The daemon, without the sandbox. Runs as a user without rights, on a read-only root if wanted:
#
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --stop-timeout 20 -p 8930:8930 \
#     -v ./ropewalk.yaml:/etc/ropewalk/ropewalk.yaml:ro -v ropewalk-state:/var/lib/ropewalk \
#     -v ./gitlab-token:/run/secrets/gitlab-token:ro  ropewalk
#
# In that ropewalk.yaml: token_file: /run/secrets/gitlab-token, state: sqlite:////var/lib/ropewalk/ropewalk.db, and for
# hooks from outside the container web: {host: 0.0.0.0, port: 8930}. The health check asks port 8930. deploy/ holds a
# compose file with two replicas and PostgreSQL, manifests for Kubernetes, and a unit for systemd.

FROM python:3.11.13-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
        --target /tools --require-hashes -r requirements/tools.txt
# Before the sources, so that a change of ours does not install the dependencies anew.
RUN /tools/bin/uv venv --quiet --python /usr/local/bin/python3.11 /opt/ropewalk \
    && /tools/bin/uv pip sync --quiet --no-cache --python /opt/ropewalk/bin/python --require-hashes \
        --compile-bytecode requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY config/ config/
COPY templates/ templates/
COPY bot/ bot/
# hatchling comes by the lock of the development environment, hash for hash.
RUN /tools/bin/uv build --quiet --no-cache --python /usr/local/bin/python3.11 --wheel --out-dir /dist \
        --build-constraints requirements/dev.txt --require-hashes \
    && /tools/bin/uv pip install --quiet --no-cache --python /opt/ropewalk/bin/python --no-deps \
        --compile-bytecode /dist/*.whl

FROM python:3.11.13-slim-bookworm
LABEL org.opencontainers.image.title="Ropewalk" \
      org.opencontainers.image.description="The release bot of a GitLab organisation" \
      org.opencontainers.image.licenses="Apache-2.0"
# Nothing that installs but the pip of `install_check`, and nothing that lends its owner's rights: what an intruder
# would look for first.
RUN python -m pip uninstall --quiet --yes --root-user-action=ignore setuptools wheel pip \
    && rm -r /usr/local/lib/python3.11/ensurepip \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
    && groupadd --system --gid 10001 ropewalk \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ropewalk \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/ropewalk
COPY --from=build /opt/ropewalk /opt/ropewalk
ENV PATH=/opt/ropewalk/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ROPEWALK_CONFIG=/etc/ropewalk/ropewalk.yaml
USER 10001:10001
WORKDIR /var/lib/ropewalk
VOLUME /var/lib/ropewalk
EXPOSE 8930 8931
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-I", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8930, timeout=3); c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["ropewalk"]
CMD ["serve"]
