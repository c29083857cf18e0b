/* shmotel-sensor: read the options, attach, give up privileges, serve, leave. */
#include <stdlib.h>

#include "daemon/inherited.h"
#include "daemon/log.h"
#include "daemon/readiness.h"
#include "sensor.h"

static int run(const struct sensor_options *options, int argc, char **argv)
{
	const int manager = readiness_open();
	struct sensor *sensor;
	int error = sensor_open(&sensor, options);

	if (error == 0)
		error = sensor_drop_privileges(sensor);
	if (error == 0) {
		sensor_announce(sensor);
		readiness_tell(manager);
		error = sensor_run(sensor, argc, argv);
	}
	sensor_close(sensor);
	return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct sensor_options options = {.socket_path = NULL};
	int status;

	if (inherited_descriptors_close() != 0) {
		log_line(LOG_LEVEL_ERROR, "/dev/null cannot be opened in place of a missing standard stream");
		return EXIT_FAILURE;
	}
	status = sensor_options_read(&options, argc, argv);
	if (status < 0)
		status = run(&options, argc, argv);
	sensor_options_free(&options);
	return status;
}
