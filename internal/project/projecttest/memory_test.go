package projecttest

import (
	"testing"

	"github.com/freshet/freshet/internal/project"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) project.Store { return NewMemory() })
}
