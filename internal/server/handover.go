package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The hand-over of a listening socket, over a unix socket in the data folder that only the same user can reach:
//
//	successor connects
//	predecessor → "freshet-handover 1 <listen address>\n" with the listening socket (SCM_RIGHTS)
//	successor   → "d": drain
//	predecessor: closes its copy of the listening socket
//	predecessor → "s": stopped; the successor begins to accept, and holds what comes
//	predecessor → "c" with an open connection (SCM_RIGHTS), for each one that is between two requests
//	predecessor: finishes the requests in flight, closes the data folder, closes the connection
//	successor: opens the data folder, serves what it holds
//
// The kernel queues connections between the two, so none is refused. A predecessor that dies on the way closes the
// connection as well.
const (
	handoverHello = "freshet-handover 1 "
	sayDrain      = 'd'
	sayStopped    = 's'
	sayConn       = 'c'
)

// helloTimeout bounds the first steps, which need no work from the other side.
const helloTimeout = 5 * time.Second

// Predecessor is a running server on the same data folder. It is also the listener of the connections it gives away.
type Predecessor struct {
	conn    *net.UnixConn
	stopped chan struct{}
	gone    chan struct{}
	// conns carries the connections received.
	conns chan net.Conn
	// closed ends the accepting from this side.
	closed chan struct{}
	once   sync.Once
}

// errGone ends the accepting of a predecessor's connections.
var errGone = errors.New("the predecessor has no more connections")

// Listen opens the listening socket: that of the server that runs on the same data folder, if there is one and its
// address is the same, else a new one. path is the hand-over socket. The predecessor, nil if there is none, has not
// been asked to stop yet; the data folder may be opened only after its Wait.
func Listen(ctx context.Context, addr, path string) (net.Listener, *Predecessor, error) {
	p, inherited, err := connect(ctx, addr, path)
	if err != nil {
		return nil, nil, fmt.Errorf("take over from the running server: %w", err)
	}
	if inherited != nil {
		return inherited, p, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		if p != nil {
			err = errors.Join(err, p.conn.Close())
		}
		return nil, nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, p, nil
}

// askAgain is how long it takes to ask one anew who closed the connection without a word.
const askAgain = 10 * time.Millisecond

// connect asks the running server for its socket. One that is being killed may still take the connection and then say
// nothing; it is asked until it is gone.
func connect(ctx context.Context, addr, path string) (*Predecessor, net.Listener, error) {
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for began := time.Now(); ; {
		p, l, err := ask(ctx, addr, path)
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) || time.Since(began) > helloTimeout {
			return p, l, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, nil, errors.Join(err, ctx.Err())
		}
	}
}

func ask(ctx context.Context, addr, path string) (*Predecessor, net.Listener, error) {
	var c net.Conn
	err := withShortPath(path, func(short string) (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	if err != nil {
		// Nobody there, or what is there was left by a server that was killed.
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, nil, nil
		}
		return nil, nil, err
	}
	conn := c.(*net.UnixConn)
	address, l, err := receive(conn)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	p := &Predecessor{
		conn: conn, stopped: make(chan struct{}), gone: make(chan struct{}), conns: make(chan net.Conn), closed: make(chan struct{}),
	}
	if address != addr {
		return p, nil, l.Close()
	}
	return p, l, nil
}

// receive reads the hello with the socket in it.
func receive(conn *net.UnixConn) (string, net.Listener, error) {
	if err := conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return "", nil, err
	}
	buf := make([]byte, 1024)
	n, f, err := receiveFile(conn, buf)
	if err != nil {
		return "", nil, fmt.Errorf("receive the socket: %w", err)
	}
	address, ok := strings.CutPrefix(strings.TrimSuffix(string(buf[:n]), "\n"), handoverHello)
	if !ok || f == nil {
		return "", nil, fmt.Errorf("the running server speaks another version: %q", buf[:n])
	}
	defer func() { _ = f.Close() }()
	l, err := net.FileListener(f)
	if err != nil {
		return "", nil, err
	}
	return address, l, conn.SetReadDeadline(time.Time{})
}

// receiveFile reads a message and the file that came with it, nil for none.
func receiveFile(conn *net.UnixConn, buf []byte) (int, *os.File, error) {
	oob := make([]byte, syscall.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(buf, oob)
	if err != nil || oobn == 0 {
		if err == nil && n == 0 {
			err = io.EOF
		}
		return n, nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return n, nil, fmt.Errorf("%d control messages: %w", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return n, nil, fmt.Errorf("%d files in the message: %w", len(fds), err)
	}
	syscall.CloseOnExec(fds[0])
	return n, os.NewFile(uintptr(fds[0]), "handover"), nil
}

// drain asks the predecessor to stop and returns when it accepts no more connections.
func (p *Predecessor) drain(ctx context.Context) error {
	if _, err := p.conn.Write([]byte{sayDrain}); err != nil {
		return fmt.Errorf("ask the running server to stop: %w", err)
	}
	go p.receive() // ends with the predecessor, which Wait waits for
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("wait until the running server stops: %w", ctx.Err()), p.conn.Close())
	}
}

// receive takes what the predecessor sends until its end, which stands for everything it has not said.
func (p *Predecessor) receive() {
	defer close(p.gone)
	stopped := sync.OnceFunc(func() { close(p.stopped) })
	defer stopped()
	buf := make([]byte, 1)
	for {
		_, f, err := receiveFile(p.conn, buf)
		if err != nil {
			return
		}
		switch {
		case buf[0] == sayStopped:
			stopped()
		case f != nil:
			c, err := net.FileConn(f)
			_ = f.Close()
			if err != nil {
				continue
			}
			select {
			case p.conns <- c:
			case <-p.closed:
				_ = c.Close()
			}
		}
	}
}

// Accept implements net.Listener over the connections that the predecessor gives away.
func (p *Predecessor) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.gone:
		return nil, errGone
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Predecessor) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *Predecessor) Addr() net.Addr { return p.conn.RemoteAddr() }

// Wait returns when the predecessor has closed the data folder or is dead. Start must have been called. It may be
// called on nil.
func (p *Predecessor) Wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	select {
	case <-p.gone:
		return p.conn.Close()
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("wait until the running server ends: %w", ctx.Err()), p.conn.Close())
	}
}

// Handover offers this server's listening socket to a successor.
type Handover struct {
	path     string
	listener *net.UnixListener
	wg       sync.WaitGroup
	asked    atomic.Bool
	// mu guards conn, the successor's connection.
	mu   sync.Mutex
	conn *net.UnixConn
}

// ServeHandover listens on path, which only this user can reach, and gives l to the first successor that asks;
// address is the one l was opened with. When the successor asks this server to stop, onHandover is called once.
func ServeHandover(path, address string, l net.Listener, onHandover func()) (*Handover, error) {
	u, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("offer the listening socket: %w", err)
	}
	h := &Handover{path: path, listener: u}
	h.wg.Go(func() {
		for {
			conn, err := u.AcceptUnix()
			if err != nil {
				return
			}
			if h.serve(conn, address, l) {
				onHandover()
				return
			}
			_ = conn.Close()
		}
	})
	return h, nil
}

// serve talks to one successor; true when it asked this server to stop.
func (h *Handover) serve(conn *net.UnixConn, address string, l net.Listener) bool {
	if !sameUser(conn) {
		return false
	}
	h.mu.Lock()
	h.conn = conn
	h.mu.Unlock()
	if err := send(conn, address, l); err != nil {
		return false
	}
	// The successor may take its time to check itself; if it dies, the connection ends and the next one is served.
	word := make([]byte, 1)
	if _, err := io.ReadFull(conn, word); err != nil || word[0] != sayDrain {
		return false
	}
	h.asked.Store(true)
	return true
}

func send(conn *net.UnixConn, address string, l net.Listener) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("a %T has no socket to hand over", l)
	}
	return sendFile(conn, []byte(handoverHello+address+"\n"), sc)
}

func sendFile(conn *net.UnixConn, message []byte, file syscall.Conn) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	// The descriptor is used inside Control, because taking it out (File) would make the shared socket blocking.
	err = raw.Control(func(fd uintptr) {
		_, _, sent = conn.WriteMsgUnix(message, syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sent)
}

// Asked tells whether a successor is waiting; it may be called on nil.
func (h *Handover) Asked() bool { return h != nil && h.asked.Load() }

// stopped tells the successor that this server accepts no more.
func (h *Handover) stopped() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.conn.Write([]byte{sayStopped})
	return err
}

// give passes an idle connection to the successor.
func (h *Handover) give(c *net.TCPConn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return sendFile(h.conn, []byte{sayConn}, c)
}

// Close ends the offer and tells a waiting successor that the data folder is free: call it after everything in the
// folder is closed. It may be called on nil.
func (h *Handover) Close() error {
	if h == nil {
		return nil
	}
	err := h.listener.Close()
	h.mu.Lock()
	conn := h.conn
	h.mu.Unlock()
	// The name goes before the successor is told, because it will use the same one.
	if rm := os.Remove(h.path); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	if conn != nil {
		if cerr := conn.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}
	h.wg.Wait()
	return err
}

// listenPrivate makes a unix socket that never, not even for a moment, is open to others: it is made inside a folder
// of this user's own and then moved to its name, replacing one that a killed server left.
func listenPrivate(path string) (*net.UnixListener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".handover-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var u *net.UnixListener
	first := filepath.Join(dir, "s")
	err = withShortPath(first, func(short string) (err error) {
		u, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	u.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(first, 0o600), os.Rename(first, path)); err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}
