// Prints what Docker Compose makes of the files that are its arguments, as JSON, with all profiles; or says what is
// wrong with them. It is the loader of Docker Compose itself: schema, merging, profiles, interpolation, dependencies.
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
		// Nobody's own env_file decides about a test.
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
