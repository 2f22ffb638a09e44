package gateway_test

import (
	"testing"

	"linhui/cmd/linhui/gateway"
)

func TestGatewayAnswersWhenItsCodeWasReleased(t *testing.T) {
	t.Parallel()
	h := setup(t).start(t).Handler()
	for range 3 {
		gateway.ReleaseCode()
		if got := ask(t, h, both); got != `{"data":{"me":{"name":"Ada","clinic":"East"}}}` {
			t.Error(got)
		}
	}
}
