# Two images from one file: `--target operator` and `--target runtime`. Nothing is compiled or installed here:
# `node esbuild.config.js operator` and `… runtime` have made the bundles.
# The base image has Node at /nodejs/bin/node and neither shell nor npm.
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BASE_IMAGE} AS operator
COPY dist/operator/ /app/
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
# Each link has a buffer of 64 KiB of which it uses a page or two. Mapped by itself, the rest of it is never resident.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=32768
# An operator with thousands of links waits for the API server more than it computes: a smaller heap is worth some
# time for collecting garbage. It also makes the young generation as small as it is in a container of 512 MiB.
ENTRYPOINT ["/nodejs/bin/node", "--optimize-for-size", "/app/main.js"]
CMD []

FROM ${BASE_IMAGE} AS runtime
COPY dist/runtime/ /app/
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
ENTRYPOINT ["/nodejs/bin/node", "/app/main.js"]
CMD []
