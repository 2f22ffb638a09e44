package e2e

import (
	"testing"

	"linhui/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
