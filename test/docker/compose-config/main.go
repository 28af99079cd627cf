// Loads compose files with Docker Compose's own loader (schema, merging, interpolation, dependencies), and prints the project
// with all profiles as JSON, or what is wrong with it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if err := printConfig(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func printConfig(files []string) error {
	options, err := cli.NewProjectOptions(files,
		cli.WithProfiles([]string{"*"}),
		// A developer's own env_file must not change a test.
		cli.WithoutEnvironmentResolution,
	)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(project)
}
