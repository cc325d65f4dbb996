# Two images from one file: `--target operator` and `--target runtime`. Nothing is compiled or installed here:
# `node esbuild.config.js operator` and `… runtime` have made the bundles.
# The base image has Node at /nodejs/bin/node and neither shell nor npm. CONTRIBUTING.md says how to move its digest.
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot@sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a

FROM ${BASE_IMAGE} AS operator
COPY dist/operator/ /app/
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
# Each link has buffers of 64 and 16 KiB of which it uses a few pages. Mapped by themselves, the rest of them is never
# resident. The C library maps them only where its heap has no room for them, so it gets no padding at its end. It makes
# at most 32,768 mappings, because Node.js ends when the kernel's 65,530 are used up.
ENV MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=16384 MALLOC_TOP_PAD_=0 MALLOC_MMAP_MAX_=32768
# The heap grows by a third between two full collections. --optimize-for-size keeps it smaller by a tenth, at ten times the
# time for collecting garbage, and with thousands of links nothing else gets its turn.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=8", "--heap-growing-percent=30", "/app/main.js"]
CMD []

FROM ${BASE_IMAGE} AS runtime
COPY dist/runtime/ /app/
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
# Memory for 1,000 open streams is a question of what Node keeps for later: by default each of its threads has an
# arena of the C library, and its young generation takes three times 16 MB.
ENV MALLOC_ARENA_MAX=2
# Clients, metrics and health, the operator. Run by itself, it serves with the defaults or the manifests in /manifests.
EXPOSE 8080 9090 9443
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=16", "/app/main.js"]
CMD []
