/* Run a fuzz target over its corpus without libFuzzer, so that every input once found stays a regression test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "rb");

	if (file == NULL || fstat(fileno(file), &st) != 0) {
		perror(path);
		return -1;
	}
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size + 1);
	size_t got = data == NULL ? 0 : fread(data, 1, size, file);

	fclose(file);
	if (data == NULL || got != size) {
		fprintf(stderr, "%s: could not be read whole\n", path);
		free(data);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int replay_directory(const char *path)
{
	struct dirent *entry;
	int count = 0;
	DIR *directory = opendir(path);

	if (directory == NULL) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(directory)) != NULL) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (replay_file(name) < 0) {
			count = -1;
			break;
		}
		count++;
	}
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
		return 2;
	}
	int count = replay_directory(argv[1]);

	if (count == 0)
		fprintf(stderr, "%s: no corpus\n", argv[1]);
	printf("%d inputs replayed\n", count);
	return count > 0 ? 0 : 1;
}
