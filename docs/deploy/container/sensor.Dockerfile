# The image of shmotel-sensor, from the top of the source tree: docker build -f docs/deploy/container/sensor.Dockerfile -t shmotel-sensor .
FROM debian:12-slim AS build
WORKDIR /source
COPY scripts/install-deps scripts/
RUN apt-get update && scripts/install-deps && apt-get install -y --no-install-recommends ca-certificates
COPY . .
RUN cmake --preset release && cmake --build --preset release --target shmotel-sensor && strip build/release/bin/shmotel-sensor
RUN docs/deploy/container/make-root build/release/bin/shmotel-sensor /image

FROM scratch
COPY --from=build /image /
# It needs root to become shmotel-sensor once it has attached, and the capabilities that README.md lists.
USER 0:0
ENTRYPOINT ["/usr/bin/shmotel-sensor"]
