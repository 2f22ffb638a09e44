package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// home is the directory of one server: what is kept between starts, and the lock.
type home struct{ dir string }

func (h home) data() string     { return filepath.Join(h.dir, "data") }
func (h home) lock() string     { return filepath.Join(h.dir, "lock") }
func (h home) log() string      { return filepath.Join(h.dir, "server.log") }
func (h home) password() string { return filepath.Join(h.dir, "password") }

// fallbackRoots are where the data goes when the account cannot reach the directory asked for.
var fallbackRoots = []string{"/var/lib", "/var/tmp", os.TempDir()}

// openHome makes dir ready to hold a server that runs as the account. When root was asked to keep
// the data below a directory that only root may enter (/root is 0700), dir becomes a symbolic link
// to a fresh directory linhui-* in /var/lib (or /var/tmp, or the directory for temporary files):
// removing the link forgets the data, and no directory of the user's changes its mode.
func openHome(dir string, roots []string, log *slog.Logger) (home, account, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return home{}, account{}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return home{}, account{}, err
	}
	// Others may pass through, not list: the server's account has to reach its data inside.
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return home{}, account{}, err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return home{}, account{}, fmt.Errorf("%s leads nowhere; remove it to start with fresh data: %w", dir, err)
	}
	h := home{real}
	acc, err := serverAccount(h.data())
	if err != nil || !acc.drop || acc.reaches(real) {
		return h, acc, err
	}
	moved, err := moveHome(dir, acc, roots)
	if err != nil {
		return home{}, account{}, err
	}
	log.Info("embedded: the server's account cannot enter the state directory; its data lies elsewhere",
		"directory", dir, "account", acc.name, "data", moved)
	return home{moved}, acc, nil
}

// moveHome replaces the empty directory dir by a link to one that the account can reach.
func moveHome(dir string, acc account, roots []string) (string, error) {
	for _, root := range roots {
		if !acc.reaches(root) {
			continue
		}
		moved, err := os.MkdirTemp(root, "linhui-")
		if err != nil {
			continue
		}
		err = errors.Join(os.Chmod(moved, 0o711), syscall.Rmdir(dir)) // Rmdir: never a link that another start just made
		if err == nil {
			err = os.Symlink(moved, dir)
		}
		if err != nil {
			return "", errors.Join(fmt.Errorf("%s is out of reach for user %s and cannot be replaced by a link: %w", dir, acc.name, err), os.Remove(moved))
		}
		return moved, nil
	}
	return "", fmt.Errorf("user %s, whom PostgreSQL runs as, can reach neither %s nor any of %s", acc.name, dir, strings.Join(roots, ", "))
}

// secret returns the password of the server's roles, making one at the first call.
func (h home) secret() (string, error) {
	text, err := os.ReadFile(h.password())
	if err == nil && len(text) > 0 {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	return password, writeSynced(h.password(), password)
}

// writeSynced writes a private file that is on the disk when it returns: the cluster is, too, and
// without its password nobody gets in.
func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// logTail is the end of the server's log, for an error that must say why it did not start.
func (h home) logTail() string {
	text, err := os.ReadFile(h.log())
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
