package aside_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/base/aside"
)

func TestWorkAsideGivesItsValueItsErrorAndItsPanic(t *testing.T) {
	if v, err := aside.Do(func() (int, error) { return 7, nil }); v != 7 || err != nil {
		t.Error(v, err)
	}
	wrong := errors.New("wrong")
	if _, err := aside.Do(func() (int, error) { return 0, wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
	if _, err := aside.Do(func() (int, error) { panic("out of luck") }); err == nil || !strings.Contains(err.Error(), "out of luck") {
		t.Error(err)
	}
}
