/* Container ids and pod uids in the cgroup paths that runtimes and their drivers make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cgroup_identity.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define UID "8f6d6c1a-0b2c-4d3e-9f10-1234567890ab"
#define UID_SYSTEMD "8f6d6c1a_0b2c_4d3e_9f10_1234567890ab"
#define STATIC_UID "00112233445566778899aabbccddeeff"

struct example {
	const char *name;
	const char *text;
	const char *path;
	const char *container_id;
	const char *pod_uid;
};

static const struct example examples[] = {
	{"the root of version 2 names nothing", "0::/\n", "/", "", ""},
	{"a systemd service is no container", "0::/system.slice/nginx.service\n", "/system.slice/nginx.service", "",
	 ""},
	{"docker, version 2, systemd driver", "0::/system.slice/docker-" ID ".scope\n",
	 "/system.slice/docker-" ID ".scope", ID, ""},
	{"docker, version 1, cgroupfs driver", "11:memory:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n",
	 "/docker/" ID, ID, ""},
	{"the controller that names the container wins over systemd's hierarchy",
	 "1:name=systemd:/user.slice\n4:memory:/docker/" ID "\n", "/docker/" ID, ID, ""},
	{"a process below its container's scope", "0::/system.slice/docker-" ID ".scope/init.scope\n",
	 "/system.slice/docker-" ID ".scope/init.scope", ID, ""},
	{"docker in docker: the inner container", "0::/docker/" ID2 "/docker/" ID "\n",
	 "/docker/" ID2 "/docker/" ID, ID, ""},
	{"podman, systemd driver", "0::/machine.slice/libpod-" ID ".scope/container\n",
	 "/machine.slice/libpod-" ID ".scope/container", ID, ""},
	{"podman pod: the container and not the pod",
	 "0::/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope\n",
	 "/machine.slice/machine-libpod_pod_" ID2 ".slice/libpod-" ID ".scope", ID, ""},
	{"podman's monitor is outside", "0::/machine.slice/libpod-conmon-" ID ".scope\n",
	 "/machine.slice/libpod-conmon-" ID ".scope", "", ""},
	{"podman, rootless, split",
	 "0::/user.slice/user-1000.slice/user@1000.service/x.service/libpod-payload-" ID "\n",
	 "/user.slice/user-1000.slice/user@1000.service/x.service/libpod-payload-" ID, ID, ""},
	{"containerd with the name of a slice in a directory", "0::/system.slice:docker:" ID "\n",
	 "/system.slice:docker:" ID, ID, ""},
	{"Kubernetes, cgroupfs driver", "0::/kubepods/burstable/pod" UID "/" ID "\n",
	 "/kubepods/burstable/pod" UID "/" ID, ID, UID},
	{"Kubernetes, cgroupfs driver, guaranteed", "5:cpu:/kubepods/pod" UID "/" ID "\n",
	 "/kubepods/pod" UID "/" ID, ID, UID},
	{"Kubernetes, systemd driver, containerd",
	 "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_SYSTEMD
	 ".slice/cri-containerd-" ID ".scope\n",
	 "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_SYSTEMD
	 ".slice/cri-containerd-" ID ".scope",
	 ID, UID},
	{"Kubernetes, systemd driver, guaranteed, cri-o",
	 "0::/kubepods.slice/kubepods-pod" UID_SYSTEMD ".slice/crio-" ID ".scope\n",
	 "/kubepods.slice/kubepods-pod" UID_SYSTEMD ".slice/crio-" ID ".scope", ID, UID},
	{"Kubernetes, cri-o's monitor belongs to the pod",
	 "0::/kubepods.slice/kubepods-pod" UID_SYSTEMD ".slice/crio-conmon-" ID ".scope\n",
	 "/kubepods.slice/kubepods-pod" UID_SYSTEMD ".slice/crio-conmon-" ID ".scope", "", UID},
	{"Kubernetes, slice names with a colon",
	 "1:name=systemd:/system.slice/containerd.service/kubepods-besteffort-pod" UID_SYSTEMD
	 ".slice:cri-containerd:" ID "\n",
	 "/system.slice/containerd.service/kubepods-besteffort-pod" UID_SYSTEMD ".slice:cri-containerd:" ID, ID, UID},
	{"kind: a node that is itself a container",
	 "0::/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
	 "kubelet-kubepods-besteffort-pod" UID_SYSTEMD ".slice/cri-containerd-" ID ".scope\n",
	 "/docker/" ID2 "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
	 "kubelet-kubepods-besteffort-pod" UID_SYSTEMD ".slice/cri-containerd-" ID ".scope",
	 ID, UID},
	{"a static pod's uid has no dashes", "0::/kubepods/burstable/pod" STATIC_UID "/" ID "\n",
	 "/kubepods/burstable/pod" STATIC_UID "/" ID, ID, STATIC_UID},
	{"a pod outside Kubernetes is no pod", "0::/my/pod" UID "/" ID "\n", "/my/pod" UID "/" ID, ID, ""},
	{"a path above the sensor's own cgroup namespace", "0::/../../kubepods/pod" UID "/" ID "\n",
	 "/../../kubepods/pod" UID "/" ID, ID, UID},
	{"ECS on EC2", "9:perf_event:/ecs/" STATIC_UID "/" ID "\n", "/ecs/" STATIC_UID "/" ID, ID, ""},
	{"ECS on Fargate", "9:perf_event:/ecs/" STATIC_UID "/" STATIC_UID "-3382549834\n",
	 "/ecs/" STATIC_UID "/" STATIC_UID "-3382549834", STATIC_UID "-3382549834", ""},
	{"the form of Fargate elsewhere is no container", "0::/a/" STATIC_UID "-3382549834\n",
	 "/a/" STATIC_UID "-3382549834", "", ""},
	{"63 hex digits are no id", "0::/docker/123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	 "/docker/123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", ""},
	{"65 hex digits are no id", "0::/docker/a" ID "\n", "/docker/a" ID, "", ""},
	{"capitals are no id", "0::/docker/ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
	 "/docker/ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", ""},
	{"a removed cgroup keeps its name", "0::/docker/" ID " (deleted)\n", "/docker/" ID, ID, ""},
	{"version 2 wins over version 1", "4:memory:/a\n1:name=systemd:/b\n0::/c\n", "/c", "", ""},
	{"systemd's hierarchy wins over a controller's", "4:memory:/a\n1:name=systemd:/b\n0::/\n", "/b", "", ""},
	{"a colon in a path belongs to the path", "0::/a:b:c\n", "/a:b:c", "", ""},
	{"no newline at the end", "0::/docker/" ID, "/docker/" ID, ID, ""},
	{"nothing", "", "", "", ""},
	{"no lines of the known form", "hello\n\n::\n:\n", "", "", ""},
};

static void assert_string(struct shm_string string, const char *expected)
{
	assert_int_equal(string.length, strlen(expected));
	assert_memory_equal(string.bytes, expected, string.length);
}

static void each_form_of_path_tells_its_container_and_its_pod(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		struct cgroup_identity identity;

		print_message("%s\n", e->name);
		cgroup_identity_parse(e->text, strlen(e->text), &identity);
		assert_string(identity.path, e->path);
		assert_string(identity.container_id, e->container_id);
		assert_string((struct shm_string){identity.pod_uid, identity.pod_uid_bytes}, e->pod_uid);
	}
}

/* Each prefix in memory of exactly its size, so that a sanitizer sees a read behind it. */
static void every_prefix_is_read_within_its_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		for (size_t length = 0; length <= strlen(examples[i].text); length++) {
			char *text = malloc(length > 0 ? length : 1);
			struct cgroup_identity identity;

			assert_non_null(text);
			memcpy(text, examples[i].text, length);
			cgroup_identity_parse(text, length, &identity);
			assert_true(identity.path.length <= length);
			assert_true(identity.container_id.length <= 64);
			free(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_path_tells_its_container_and_its_pod),
		cmocka_unit_test(every_prefix_is_read_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
