/*
 * A small web server as tutorials on kqueue have it: one loop over one array of events, a client
 * object behind each udata, a timer for each client that closes it when it is idle. Nothing in it
 * knows that this is not BSD.
 *
 *   tutorial_server IDLE_MILLISECONDS    prints its port, serves until SIGTERM, prints a summary
 */
#include <sys/types.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

struct Client {
    explicit Client(int descriptor) : fd(descriptor) {}

    int fd;
    std::string in;
    std::string out;
    bool is_closed = false;
};

class Server {
public:
    explicit Server(long idle) : idle_milliseconds(idle) {}

    int run();

private:
    void listen_on_any_port();
    void change(uintptr_t ident, short filter, unsigned short flags, unsigned int fflags = 0,
                long data = 0, void *udata = nullptr);
    void accept_clients(long waiting);
    void read_from(Client *client, const struct kevent &event);
    void write_to(Client *client, const struct kevent &event);
    void close_client(Client *client);

    int kq = -1;
    int listener = -1;
    long idle_milliseconds;
    bool is_stopping = false;
    unsigned accepted = 0;
    unsigned answered = 0;
    unsigned idled = 0;
    /* Closed in this turn: events for them may still be in the array. */
    std::vector<Client *> garbage;
};

[[noreturn]] void die(const char *what)
{
    perror(what);
    exit(1);
}

void Server::change(uintptr_t ident, short filter, unsigned short flags, unsigned int fflags,
                    long data, void *udata)
{
    struct kevent change;

    EV_SET(&change, ident, filter, flags, fflags, data, udata);
    if (kevent(kq, &change, 1, NULL, 0, NULL) == -1)
        die("kevent");
}

void Server::listen_on_any_port()
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener == -1 || bind(listener, (struct sockaddr *)&address, sizeof address) == -1 ||
        listen(listener, 128) == -1 ||
        getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        die("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
}

void Server::accept_clients(long waiting)
{
    /* data is the number of connections that wait: no accept() more than that. */
    while (waiting-- > 0) {
        int fd = accept(listener, NULL, NULL);

        if (fd == -1)
            die("accept");
        fcntl(fd, F_SETFL, O_NONBLOCK);

        Client *client = new Client(fd);
        struct kevent changes[3];

        EV_SET(&changes[0], fd, EVFILT_READ, EV_ADD, 0, 0, client);
        EV_SET(&changes[1], fd, EVFILT_WRITE, EV_ADD | EV_DISABLE, 0, 0, client);
        EV_SET(&changes[2], fd, EVFILT_TIMER, EV_ADD, 0, idle_milliseconds, client);
        if (kevent(kq, changes, 3, NULL, 0, NULL) == -1)
            die("kevent");
        accepted++;
    }
}

void Server::close_client(Client *client)
{
    if (client->is_closed)
        return;
    change(client->fd, EVFILT_TIMER, EV_DELETE);
    /* READ and WRITE go with the descriptor. */
    close(client->fd);
    client->is_closed = true;
    garbage.push_back(client);
}

void Server::read_from(Client *client, const struct kevent &event)
{
    std::vector<char> buffer(event.data);
    ssize_t count = 0;

    if (event.data > 0) {
        count = read(client->fd, buffer.data(), buffer.size());
        if (count == -1)
            die("read");
        client->in.append(buffer.data(), count);
    }
    for (size_t end; (end = client->in.find("\r\n\r\n")) != std::string::npos; answered++) {
        client->in.erase(0, end + 4);
        client->out += "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    }
    if (!client->out.empty())
        change(client->fd, EVFILT_WRITE, EV_ENABLE, 0, 0, client);
    else if (event.flags & EV_EOF)
        close_client(client);
}

void Server::write_to(Client *client, const struct kevent &event)
{
    if (event.flags & EV_EOF) {
        close_client(client);
        return;
    }

    size_t room = event.data;
    ssize_t count = write(client->fd, client->out.data(),
                          client->out.size() < room ? client->out.size() : room);

    if (count == -1)
        die("write");
    client->out.erase(0, count);
    if (client->out.empty()) {
        change(client->fd, EVFILT_WRITE, EV_DISABLE, 0, 0, client);
        change(client->fd, EVFILT_TIMER, EV_ADD, 0, idle_milliseconds, client);
    }
}

int Server::run()
{
    struct kevent events[32];

    if ((kq = kqueue()) == -1)
        die("kqueue");
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    change(SIGTERM, EVFILT_SIGNAL, EV_ADD);
    listen_on_any_port();
    change(listener, EVFILT_READ, EV_ADD);

    while (!is_stopping) {
        int count = kevent(kq, NULL, 0, events, 32, NULL);

        if (count == -1)
            die("kevent");
        for (int i = 0; i < count; i++) {
            const struct kevent &event = events[i];
            Client *client = static_cast<Client *>(event.udata);

            if (event.flags & EV_ERROR) {
                errno = static_cast<int>(event.data);
                die("event");
            }
            if (event.filter == EVFILT_SIGNAL) {
                is_stopping = true;
            } else if (static_cast<int>(event.ident) == listener &&
                       event.filter == EVFILT_READ) {
                accept_clients(event.data);
            } else if (client->is_closed) {
                continue;
            } else if (event.filter == EVFILT_READ) {
                read_from(client, event);
            } else if (event.filter == EVFILT_WRITE) {
                write_to(client, event);
            } else if (event.filter == EVFILT_TIMER) {
                idled++;
                close_client(client);
            }
        }
        for (Client *client : garbage)
            delete client;
        garbage.clear();
    }
    close(listener);
    close(kq);
    printf("%u accepted, %u answered, %u idle\n", accepted, answered, idled);
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    return Server(argc > 1 ? atol(argv[1]) : 30000).run();
}
