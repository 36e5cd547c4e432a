/* System V shared memory, semaphores and message queues. */
#include "tour.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/sem.h>
#include <sys/msg.h>
#define MSG_COPY 040000
union su {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};
static void h(int s) {}
struct mb {
    long t;
    char x[64];
};
int tour_ipc(int ac, char **av) {
    int s;
    pid_t p;
    struct shmid_ds sd;
    struct semid_ds md;
    struct msqid_ds qd;
    struct timespec ts = {0, 20000000};
    /* shm */
    int k = 0x12340001;
    shmctl(shmget(k, 0, 0), IPC_RMID, 0);
    R(shmget(k, 100, 0600));
    int id = shmget(k, 100, IPC_CREAT | 0640);
    SAY("id ok %d\n", id >= 0);
    R(shmget(k, 100, IPC_CREAT | IPC_EXCL | 0600));
    R(shmget(k, 0, 0) == id);
    R(shmget(k, 4096, 0) == id);
    R(shmget(k, 101, 0) == id);
    R(shmget(IPC_PRIVATE, 0, 0600));
    R(shmget(IPC_PRIVATE, -1, 0600));
    R(shmget(0x12340002, 0, IPC_CREAT | 0600));
    R(shmctl(id, IPC_STAT, &sd));
    SAY("size %zu nattch %ld mode %o key %x cpid %d lpid %d uid %d at0 %d\n", sd.shm_segsz,
        (long)sd.shm_nattch, sd.shm_perm.mode, (int)sd.shm_perm.__key, sd.shm_cpid == getpid(),
        sd.shm_lpid, sd.shm_perm.uid, sd.shm_atime == 0);
    char *a = shmat(id, 0, 0);
    SAY("at %d zero %d\n", a != (void *)-1, a[0] == 0 && a[99] == 0 && a[4095] == 0);
    char *b = shmat(id, 0, SHM_RDONLY);
    a[5] = 'x';
    SAY("b5 %c\n", b[5]);
    R((long)shmat(id, a + 1, 0));
    R((long)shmat(id, a, 0));
    R((long)shmat(999999, 0, 0));
    R((long)shmat(-1, 0, 0));
    char *c = (char *)(((uintptr_t)a + (1 << 24) + 0xffff) & ~0xffffUL);
    R((char *)shmat(id, c + 100, SHM_RND) == c);
    R((char *)shmat(id, c, SHM_REMAP) == c);
    R((long)shmat(id, 0, SHM_REMAP));
    R(shmctl(id, IPC_STAT, &sd));
    SAY("nattch %ld lpid %d atime %d\n", (long)sd.shm_nattch, sd.shm_lpid == getpid(),
        sd.shm_atime > 0);
    if (!(p = fork())) {
        a[6] = 'y';
        shmctl(id, IPC_STAT, &sd);
        SAY("child nattch %ld\n", (long)sd.shm_nattch);
        b = mmap(0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        _exit(0);
    }
    waitpid(p, &s, 0);
    SAY("a6 %c\n", a[6]);
    shmctl(id, IPC_STAT, &sd);
    SAY("nattch %ld\n", (long)sd.shm_nattch);
    R(shmdt(a + 4096));
    R(shmdt(a + 1));
    R(shmdt(c));
    R(shmdt(c));
    shmctl(id, IPC_STAT, &sd);
    SAY("nattch %ld dtime %d\n", (long)sd.shm_nattch, sd.shm_dtime > 0);
    sd.shm_perm.mode = 0600;
    R(shmctl(id, IPC_SET, &sd));
    shmctl(id, IPC_STAT, &sd);
    SAY("mode %o\n", sd.shm_perm.mode);
    R(shmctl(id, 99, &sd));
    R(shmctl(999999, IPC_STAT, &sd));
    R(shmctl(id, IPC_STAT, (void *)8));
    R(shmctl(id, SHM_LOCK, 0));
    shmctl(id, IPC_STAT, &sd);
    SAY("mode %o\n", sd.shm_perm.mode);
    R(shmctl(id, SHM_UNLOCK, 0));
    R(shmctl(id, IPC_RMID, 0));
    R(shmget(k, 0, 0));
    R(shmctl(id, IPC_STAT, &sd));
    SAY("mode %o key %x\n", sd.shm_perm.mode, (int)sd.shm_perm.__key);
    a[7] = 'z';
    SAY("b7 %c\n", b[7]);
    char *d = shmat(id, 0, 0);
    SAY("attach after rmid %d\n", d != (void *)-1);
    if (d != (void *)-1)
        shmdt(d);
    R(shmdt(a));
    R(shmdt(b));
    R(shmctl(id, IPC_STAT, &sd));
    /* partial unmap, fork+exit attach counts, mremap, mprotect */
    id = shmget(IPC_PRIVATE, 3 * 4096, 0600);
    a = shmat(id, 0, 0);
    a[0] = 1;
    a[4096] = 2;
    a[8192] = 3;
    R(munmap(a + 4096, 4096));
    shmctl(id, IPC_STAT, &sd);
    SAY("nattch after split %ld\n", (long)sd.shm_nattch);
    R(shmdt(a));
    shmctl(id, IPC_STAT, &sd);
    SAY("nattch %ld\n", (long)sd.shm_nattch);
    b = shmat(id, 0, SHM_RDONLY);
    SAY("%d %d %d\n", b[0], b[4096], b[8192]);
    R(mprotect(b, 4096, PROT_READ | PROT_WRITE));
    R(shmdt(b));
    R(shmctl(id, IPC_RMID, 0));
    R(shmctl(id, IPC_STAT, &sd));
    /* sem */
    k = 0x12340003;
    semctl(semget(k, 0, 0), 0, IPC_RMID);
    R(semget(k, 1, 0));
    id = semget(k, 3, IPC_CREAT | 0600);
    SAY("sem %d\n", id >= 0);
    R(semget(k, 4, 0) == id);
    R(semget(k, 2, 0) == id);
    R(semget(k, 0, 0) == id);
    R(semget(k, 1, IPC_CREAT | IPC_EXCL));
    R(semget(IPC_PRIVATE, 0, 0600));
    R(semget(IPC_PRIVATE, -1, 0600));
    R(semget(IPC_PRIVATE, 32001, 0600));
    union su u;
    unsigned short arr[3] = {1, 2, 3};
    u.array = arr;
    R(semctl(id, 0, SETALL, u));
    R(semctl(id, 0, GETVAL));
    R(semctl(id, 2, GETVAL));
    R(semctl(id, 3, GETVAL));
    R(semctl(id, -1, GETVAL));
    R(semctl(id, 0, GETPID) == getpid());
    R(semctl(id, 0, GETNCNT));
    R(semctl(id, 0, GETZCNT));
    u.val = 5;
    R(semctl(id, 1, SETVAL, u));
    u.val = -1;
    R(semctl(id, 1, SETVAL, u));
    u.val = 32768;
    R(semctl(id, 1, SETVAL, u));
    memset(arr, 0, 6);
    u.array = arr;
    R(semctl(id, 0, GETALL, u));
    SAY("%d %d %d\n", arr[0], arr[1], arr[2]);
    u.buf = &md;
    R(semctl(id, 0, IPC_STAT, u));
    SAY("nsems %ld otime0 %d ctime %d mode %o\n", (long)md.sem_nsems, md.sem_otime == 0,
        md.sem_ctime > 0, md.sem_perm.mode);
#define OP(n, o, f) ((struct sembuf){n, o, f})
    struct sembuf o[3] = {OP(0, -1, 0), OP(1, -5, 0), OP(2, 2, 0)};
    R(semop(id, o, 3));
    u.array = arr;
    semctl(id, 0, GETALL, u);
    SAY("%d %d %d\n", arr[0], arr[1], arr[2]);
    o[0] = OP(0, -1, IPC_NOWAIT);
    R(semop(id, o, 1));
    o[0] = OP(2, 0, IPC_NOWAIT);
    R(semop(id, o, 1));
    o[0] = OP(0, 0, 0);
    R(semop(id, o, 1));
    o[0] = OP(3, 1, 0);
    R(semop(id, o, 1));
    R(semop(id, o, 0));
    R(semop(id, o, 501));
    R(semop(999999, o, 1));
    R(semop(id, (void *)8, 1));
    o[0] = OP(0, 32767, 0);
    R(semop(id, o, 1));
    o[0] = OP(0, 1, 0);
    R(semop(id, o, 1));
    u.val = 0;
    semctl(id, 0, SETVAL, u);
    o[0] = OP(2, 1, 0);
    o[1] = OP(0, -1, IPC_NOWAIT);
    semctl(id, 2, SETVAL, u);
    R(semop(id, o, 2));
    R(semctl(id, 2, GETVAL));
    o[0] = OP(0, -1, 0);
    R(semtimedop(id, o, 1, &ts));
    ts.tv_nsec = -1;
    R(semtimedop(id, o, 1, &ts));
    ts.tv_nsec = 0;
    R(semtimedop(id, o, 1, &ts));
    if (!(p = fork())) {
        struct sembuf w = OP(0, -2, 0);
        int r = semop(id, &w, 1);
        _exit(r == 0 ? 1 : errno);
    }
    ms(30);
    R(semctl(id, 0, GETNCNT));
    o[0] = OP(0, 1, 0);
    R(semop(id, o, 1));
    R(semctl(id, 0, GETNCNT));
    R(semop(id, o, 1));
    waitpid(p, &s, 0);
    st(s);
    R(semctl(id, 0, GETVAL));
    R(semctl(id, 0, GETPID) == p);
    u.val = 1;
    semctl(id, 0, SETVAL, u);
    if (!(p = fork())) {
        struct sembuf w = OP(0, 0, 0);
        int r = semop(id, &w, 1);
        _exit(r == 0 ? 1 : errno);
    }
    ms(30);
    R(semctl(id, 0, GETZCNT));
    u.val = 0;
    semctl(id, 0, SETVAL, u);
    waitpid(p, &s, 0);
    st(s);
    /* undo */ u.val = 3;
    semctl(id, 0, SETVAL, u);
    if (!(p = fork())) {
        struct sembuf w[2] = {OP(0, -2, SEM_UNDO), OP(1, 1, SEM_UNDO)};
        semop(id, w, 2);
        SAY("in child %d %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL));
        _exit(0);
    }
    waitpid(p, &s, 0);
    SAY("after undo %d %d\n", semctl(id, 0, GETVAL), semctl(id, 1, GETVAL));
    if (!(p = fork())) {
        struct sembuf w = OP(0, -2, SEM_UNDO);
        semop(id, &w, 1);
        u.val = 9;
        semctl(id, 0, SETVAL, u);
        _exit(0);
    }
    waitpid(p, &s, 0);
    SAY("after setval undo %d\n", semctl(id, 0, GETVAL));
    u.val = 0;
    semctl(id, 0, SETVAL, u);
    /* signal */ struct sigaction sa = {.sa_handler = h, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &sa, 0);
    struct itimerval it = {{0, 0}, {0, 30000}};
    setitimer(ITIMER_REAL, &it, 0);
    o[0] = OP(0, -1, 0);
    R(semop(id, o, 1));
    if (!(p = fork())) {
        struct sembuf w = OP(0, -1, 0);
        int r = semop(id, &w, 1);
        _exit(errno == EIDRM ? 2 : 3);
    }
    ms(30);
    R(semctl(id, 0, IPC_RMID));
    waitpid(p, &s, 0);
    st(s);
    R(semctl(id, 0, GETVAL));
    R(semop(id, o, 1));
    {
        struct seminfo si;
        u.buf = (void *)&si;
        R(semctl(0, 0, IPC_INFO, u) >= 0);
        SAY("semmsl %d semopm %d semvmx %d\n", si.semmsl, si.semopm, si.semvmx);
    }
    /* msg */
    k = 0x12340004;
    msgctl(msgget(k, 0), IPC_RMID, 0);
    R(msgget(k, 0));
    id = msgget(k, IPC_CREAT | 0600);
    R(msgget(k, IPC_CREAT | IPC_EXCL));
    struct mb m = {3, "three"};
    R(msgsnd(id, &m, 6, 0));
    m.t = 1;
    strcpy(m.x, "one");
    R(msgsnd(id, &m, 4, 0));
    m.t = 2;
    strcpy(m.x, "two");
    R(msgsnd(id, &m, 4, 0));
    m.t = 0;
    R(msgsnd(id, &m, 4, 0));
    m.t = -1;
    R(msgsnd(id, &m, 4, 0));
    m.t = 1;
    R(msgsnd(id, &m, -1, 0));
    R(msgsnd(id, &m, 8193, 0));
    R(msgsnd(999999, &m, 1, 0));
    R(msgsnd(id, (void *)8, 1, 0));
    R(msgctl(id, IPC_STAT, &qd));
    SAY("qnum %ld cbytes %ld qbytes %ld lspid %d lrpid %d stime %d rtime0 %d\n", (long)qd.msg_qnum,
        (long)qd.__msg_cbytes, (long)qd.msg_qbytes, qd.msg_lspid == getpid(), qd.msg_lrpid,
        qd.msg_stime > 0, qd.msg_rtime == 0);
#define RX(sz, t_, f)                                                                              \
    do {                                                                                           \
        memset(&m, 0, sizeof m);                                                                   \
        errno = 0;                                                                                 \
        int r = msgrcv(id, &m, sz, t_, f);                                                         \
        SAY("msgrcv %d %d %x -> %d %s t %ld %s\n", sz, t_, f, r, r < 0 ? en(errno) : "", m.t,      \
            r < 0 ? "" : m.x);                                                                     \
    } while (0)
    RX(64, 2, 0);
    RX(64, -2, 0);
    RX(3, 0, 0);
    RX(3, 0, MSG_NOERROR);
    RX(64, 0, IPC_NOWAIT);
    RX(-1, 0, 0);
    for (int i = 1; i <= 4; i++) {
        m.t = i;
        sprintf(m.x, "m%d", i);
        msgsnd(id, &m, 3, 0);
    }
    RX(64, 3, MSG_EXCEPT);
    RX(64, -4, 0);
    RX(64, 5, IPC_NOWAIT);
    RX(64, 0, MSG_COPY | IPC_NOWAIT);
    RX(64, 1, MSG_COPY | IPC_NOWAIT);
    RX(64, 5, MSG_COPY | IPC_NOWAIT);
    RX(64, 0, MSG_COPY);
    RX(64, 0, 0);
    RX(64, 0, 0);
    R(msgsnd(id, &m, 0, 0));
    RX(64, 0, 0);
    if (!(p = fork())) {
        struct mb z;
        int r = msgrcv(id, &z, 64, 7, 0);
        _exit(r == 2 && z.t == 7 ? 1 : 2);
    }
    ms(30);
    m.t = 6;
    msgsnd(id, &m, 1, 0);
    m.t = 7;
    msgsnd(id, &m, 2, 0);
    waitpid(p, &s, 0);
    st(s);
    RX(64, 0, 0);
    /* full */ struct {
        long t;
        char x[8192];
    } bm = {1};
    R(msgsnd(id, &bm, 8192, 0));
    R(msgsnd(id, &bm, 8192, 0));
    R(msgsnd(id, &bm, 1, IPC_NOWAIT));
    if (!(p = fork())) {
        bm.t = 9;
        int r = msgsnd(id, &bm, 100, 0);
        _exit(r == 0 ? 1 : errno);
    }
    ms(30);
    R(msgrcv(id, &bm, 8192, 1, 0));
    waitpid(p, &s, 0);
    st(s);
    R(msgrcv(id, &bm, 8192, 9, 0));
    qd.msg_qbytes = 100;
    R(msgctl(id, IPC_SET, &qd));
    R(msgctl(id, IPC_STAT, &qd));
    SAY("qbytes %ld\n", (long)qd.msg_qbytes);
    setitimer(ITIMER_REAL, &it, 0);
    R(msgrcv(id, &bm, 64, 55, 0));
    setitimer(ITIMER_REAL, &it, 0);
    R(msgsnd(id, &bm, 64, 0));
    if (!(p = fork())) {
        int r = msgrcv(id, &bm, 64, 55, 0);
        _exit(errno == EIDRM ? 2 : 3);
    }
    ms(30);
    R(msgctl(id, IPC_RMID, 0));
    waitpid(p, &s, 0);
    st(s);
    R(msgctl(id, IPC_STAT, &qd));
    R(msgctl(id, IPC_RMID, 0));
    R(ftok("/", 1) != -1);
    R(ftok("/nonexist", 1));
    return 0;
}
