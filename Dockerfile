# What `mirror client-config compose` and `kubernetes` run. Of the file that `npm pack` makes, which has all dependencies in
# it: besides the base image the build needs no network, and runs nothing.
#
#   npm pack && docker build -t airgap-mirror .
#   docker run --read-only -v ./bundle:/bundle:ro -p 5000:5000 airgap-mirror serve /bundle --listen 0.0.0.0:5000
ARG BASE=docker.io/library/node:22-slim
FROM ${BASE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="airgap-mirror" \
      org.opencontainers.image.description="Air-gap tool for OCI registries: pull, push and serve bundles of images" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.source="https://github.com/airgap-mirror/airgap-mirror" \
      org.opencontainers.image.documentation="https://github.com/airgap-mirror/airgap-mirror#readme" \
      org.opencontainers.image.licenses="Apache-2.0"

# Unpacked below /opt/package
ADD airgap-mirror-*.tgz /opt/
# A volume that is made for it gets its owner
COPY --chown=1000:1000 .ci/image/cache /cache
ENV NODE_ENV=production XDG_CACHE_HOME=/cache

USER 1000:1000
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:5000/livez').then(({ok})=>{if(!ok)throw 1})"]
ENTRYPOINT ["node", "/opt/package/dist/mirror.js"]
CMD ["--help"]
