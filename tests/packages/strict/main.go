// Reads Kubernetes manifests as the types of Kubernetes itself, and fails for a field or a kind that these do not have.
package main

import (
	"fmt"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

func main() {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	failed := false
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for i, document := range strings.Split(string(text), "\n---\n") {
			if _, _, err := decoder.Decode([]byte(document), nil, nil); err != nil && !runtime.IsMissingKind(err) {
				fmt.Printf("%s, document %d: %v\n", path, i+1, err)
				failed = true
			} else if err != nil {
				fmt.Printf("%s, document %d has no kind\n", path, i+1)
				failed = true
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}
