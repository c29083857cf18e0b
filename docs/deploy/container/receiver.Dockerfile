# The image of shmotel-receiver, from the top of the source tree: docker build -f docs/deploy/container/receiver.Dockerfile -t shmotel-receiver .
FROM debian:12-slim AS build
WORKDIR /source
COPY scripts/install-deps scripts/
RUN apt-get update && scripts/install-deps && apt-get install -y --no-install-recommends ca-certificates
COPY . .
RUN cmake --preset release && cmake --build --preset release --target shmotel-receiver && strip build/release/bin/shmotel-receiver
RUN docs/deploy/container/make-root build/release/bin/shmotel-receiver /image

FROM scratch
COPY --from=build /image /
USER 10001:10001
HEALTHCHECK CMD ["/usr/bin/shmotel-receiver", "--alive"]
ENTRYPOINT ["/usr/bin/shmotel-receiver"]
