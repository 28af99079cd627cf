// Decodes Kubernetes manifests as the API server does with strict field validation: unknown and duplicate fields and wrong
// types are errors. Prints the objects with their defaults left out, as a JSON array, or what is wrong with them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	if err := printObjects(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printObjects(files []string) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	objects := []runtime.Object{}
	for _, file := range files {
		found, err := decodeFile(decoder, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, found...)
	}
	return json.NewEncoder(os.Stdout).Encode(objects)
}

func decodeFile(decoder runtime.Decoder, file string) ([]runtime.Object, error) {
	stream, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	documents := yaml.NewDocumentDecoder(stream)
	defer documents.Close()
	objects := []runtime.Object{}
	for {
		document := make([]byte, 1<<20)
		size, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(document[:size], nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
}
