package migrations_test

import (
	"testing"

	"linhui/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
