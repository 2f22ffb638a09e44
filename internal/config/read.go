package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// prefix of the variables that override the file. Two underscores go one level down:
// LINHUI_SOURCES__NORTH__DSN is sources.north.dsn.
const prefix = "LINHUI_"

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Path string // of the key, as in sources.north.dsn
	Text string // what is wrong and what to do
}

func (p Problem) Error() string { return p.Path + ": " + p.Text }

// Load reads a file and what overrides it, and checks the whole. The error holds every problem.
// Overrides, by path, come last; those with an empty value are left out.
func Load(path string, environ []string, overrides map[string]string) (*Config, error) {
	c, err := Read(path, environ, overrides)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range c.Check() {
		errs = append(errs, p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s is not complete:\n%w", path, err)
	}
	return c, nil
}

// Read reads like Load, but leaves what is missing or impossible to Check.
func Read(path string, environ []string, overrides map[string]string) (*Config, error) {
	k := koanf.New(".")
	err := k.Load(file.Provider(path), yaml.Parser())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist: deploy/linhui.example.yaml is one to start from", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s may not be read by this user", path)
	case err != nil:
		return nil, fmt.Errorf("%s is not YAML%s", path, lineOf(err))
	}
	known := topLevel()
	err = k.Load(env.Provider(".", env.Opt{Prefix: prefix, EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, prefix)), "__", ".")
			// Other variables of this prefix belong to those whom a *_env key names.
			if !strings.Contains(key, ".") && !slices.Contains(known, key) {
				return "", nil
			}
			return key, value
		}}), nil)
	if err != nil {
		return nil, err
	}
	for key, value := range overrides {
		if value != "" {
			if err := k.Set(key, value); err != nil {
				return nil, err
			}
		}
	}
	return decode(k, path, environ)
}

func decode(k *koanf.Koanf, path string, environ []string) (*Config, error) {
	c := Default()
	c.Directory = defaultSource
	var meta mapstructure.Metadata
	err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &c, Metadata: &meta, TagName: "koanf", WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(withDefaults, duration, noList,
			mapstructure.StringToSliceHookFunc(","), mapstructure.TextUnmarshallerHookFunc()),
	}})
	var errs []error
	if err != nil {
		errs = append(errs, wrongValues(err))
	}
	for _, key := range slices.Sorted(slices.Values(meta.Unused)) {
		errs = append(errs, Problem{dotted(key), "there is no such key; deploy/linhui.example.yaml shows all"})
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s:\n%w", path, errors.Join(errs...))
	}
	c.resolve(environ)
	return &c, nil
}

// withDefaults fills in what a source does not say.
func withDefaults(_, to reflect.Type, data any) (any, error) {
	given, ok := data.(map[string]any)
	if to != reflect.TypeFor[Source]() || !ok {
		return data, nil
	}
	all := map[string]any{"max_conns": defaultSource.MaxConns, "queue": defaultSource.Queue, "queue_wait": defaultSource.QueueWait}
	maps.Copy(all, given)
	return all, nil
}

// duration reads a duration, and refuses a number that does not say of what.
func duration(_, to reflect.Type, data any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return data, nil
	}
	switch v := data.(type) {
	case time.Duration:
		return v, nil
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			return d, nil
		}
	}
	return nil, hint("must be a duration with its unit, such as 100ms, 5s or 1m")
}

// noList refuses what weak typing would take for text or a number.
func noList(from, to reflect.Type, data any) (any, error) {
	switch {
	case from.Kind() == reflect.Slice && to.Kind() != reflect.Slice, from.Kind() == reflect.Map && to.Kind() == reflect.Slice:
		return nil, hint("must be " + kindOf(to))
	case from.Kind() == reflect.Map && to.Kind() != reflect.Map && to.Kind() != reflect.Struct:
		return nil, hint("must be " + kindOf(to))
	}
	return data, nil
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a group of keys"
	case reflect.Bool:
		return "true or false"
	}
	return "a number"
}

// wrongValues names the keys whose values cannot be read. The decoder's own words may quote a value:
// ours say what the key takes.
func wrongValues(err error) error {
	var errs []error
	var walk func(error)
	walk = func(err error) {
		var one *mapstructure.DecodeError
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				walk(e)
			}
		} else if errors.As(err, &one) {
			errs = append(errs, Problem{dotted(one.Name()), "the value cannot be read: " + reason(one)})
		} else if inner := errors.Unwrap(err); inner != nil {
			walk(inner)
		} else {
			errs = append(errs, err)
		}
	}
	walk(err)
	return errors.Join(errs...)
}

// hint is a reason of ours, which quotes nothing.
type hint string

func (h hint) Error() string { return string(h) }

func reason(e *mapstructure.DecodeError) string {
	var ours hint
	var parse *mapstructure.ParseError
	var unconvertible *mapstructure.UnconvertibleTypeError
	switch inner := e.Unwrap(); {
	case errors.As(inner, &ours):
		return ours.Error()
	case errors.As(inner, &parse):
		return "must be " + kindOf(parse.Expected.Type())
	case errors.As(inner, &unconvertible):
		return "must be " + kindOf(unconvertible.Expected.Type())
	}
	return "deploy/linhui.example.yaml shows what it may be"
}

var index = regexp.MustCompile(`\[([^\]]*)\]`)

// dotted is a path of mapstructure's as the file has it.
func dotted(path string) string { return index.ReplaceAllString(path, ".$1") }

var yamlLine = regexp.MustCompile(`line \d+`)

// lineOf is where a YAML error lies; its text may quote the file.
func lineOf(err error) string {
	if at := yamlLine.FindString(err.Error()); at != "" {
		return ": look at " + at
	}
	return ", or not keys with values"
}

func topLevel() []string {
	var names []string
	for f := range reflect.TypeFor[Config]().Fields() {
		names = append(names, f.Tag.Get("koanf"))
	}
	return names
}

// lookup is a variable of an environment.
func lookup(environ []string, name string) string {
	for _, line := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}
