/* Memory calls in every order of mistakes: errno, resulting maps, faults. Printed natively and
   in the emulated kernel; the two outputs must be the same. B is the base of a free gigabyte. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/resource.h>
#define B 0x2000000000UL /* far from where the heap may be */
#define P 4096UL
static const char*en(long r){ if(r>=0||r<-4095) return "ok"; static char b[32]; snprintf(b,32,"E%ld",-r); return b;}
static long raw(long n,long a,long b,long c,long d,long e,long f){ long r=syscall(n,a,b,c,d,e,f); return r==-1?-errno:r;}
#define MM(a,l,p,f,fd,o) raw(SYS_mmap,(long)(a),(long)(l),p,f,fd,(long)(o))
static void show(const char*what){ /* areas within B..B+1G */
  printf("# %s\n",what); char line[512]; FILE*f=fopen("/proc/self/maps","r"); if(!f){puts("nomaps");return;}
  while(fgets(line,sizeof line,f)){ unsigned long s,e,off; char pr[8]; char dev[16]; unsigned long ino; char name[256]="";
   if(sscanf(line,"%lx-%lx %7s %lx %15s %lu %255s",&s,&e,pr,&off,dev,&ino,name)<6) continue; if(s>=B&&e<=B+(1UL<<28)) printf("  %lx-%lx %s %lx %s\n",(s-B)/P,(e-B)/P,pr,off,name[0]=='/'?"file":name);} fclose(f);}
static void clr(void){ munmap((void*)B,1<<28);}
#define T(expr) do{ long r_=(expr); if((unsigned long)r_>=B&&(unsigned long)r_<B+(1UL<<30)) printf("%s -> B+%lx\n",#expr,((unsigned long)r_-B)/P); else printf("%s -> %s%s\n",#expr,en(r_),r_==0?" 0":""); }while(0)
static sigjmp_buf jb; static volatile int sig; static volatile long scode; static volatile unsigned long saddr;
static void h(int s, siginfo_t*i,void*u){ sig=s; scode=i->si_code; saddr=(unsigned long)i->si_addr; siglongjmp(jb,1);}
#define TOUCH(stmt) do{ if(!sigsetjmp(jb,1)){ stmt; printf("%s fine\n",#stmt);} else printf("%s sig %d code %ld addr %lx\n",#stmt,sig,scode,saddr-B);}while(0)
#define C(o) (*(volatile char*)(B+(o)))
int main(void){
  setvbuf(stdout,0,_IOFBF,1<<16);
  struct sigaction sa; memset(&sa,0,sizeof sa); sa.sa_sigaction=h; sa.sa_flags=SA_SIGINFO; sigaction(SIGSEGV,&sa,0); sigaction(SIGBUS,&sa,0);
  int A=MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, RW=PROT_READ|PROT_WRITE;
  T(MM(B,0,RW,A,-1,0));
  T(MM(B+1,P,RW,A,-1,0));
  T(MM(B,P,RW,A,-1,1));
  T(MM(B,P,RW,MAP_ANONYMOUS|MAP_FIXED,-1,0));
  T(MM(B,P,RW,MAP_SHARED|MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED,-1,0));
  T(MM(B,P,RW,MAP_PRIVATE|MAP_FIXED,-1,0));
  T(MM(B,P,RW,MAP_PRIVATE|MAP_FIXED,99,0));
  T(MM(B,-1L,RW,A,-1,0));
  T(MM(B,-4096L,RW,A,-1,0));
  T(MM(0,1L<<46,0,MAP_PRIVATE|MAP_ANONYMOUS,-1,0)>0);
  T(MM(0,1L<<47,0,MAP_PRIVATE|MAP_ANONYMOUS,-1,0));
  T(MM(-4096L,P,RW,A,-1,0));
  T(MM(0x7ffffffff000L,P,RW,A,-1,0));
  T(MM(B,P,RW,A,-1,0x7ffffffffffff000L));
  T(MM(B,2*P,RW,A,-1,-4096L));
  T(MM(B,P,RW,A|MAP_HUGETLB|(5<<26),-1,0));
  T(MM(B,P,RW,A|MAP_GROWSDOWN|0,-1,0));
  T(MM(B,P,RW,MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN,-1,0));
  clr();
  T(MM(B,10*P,RW,A,-1,0));
  show("ten");
  T(raw(SYS_munmap,B+3*P,2*P,0,0,0,0));
  show("hole");
  T(raw(SYS_mprotect,B+P,P,PROT_READ,0,0,0));
  show("prot");
  T(raw(SYS_mprotect,B+P,P,RW,0,0,0));
  show("back");
  T(raw(SYS_mprotect,B,5*P,PROT_READ,0,0,0));
  show("gap");
 C(0*P+6*P)=1;
  T(raw(SYS_mprotect,B+6*P,P,PROT_NONE,0,0,0));
  show("none");
  TOUCH(C(6*P));
  TOUCH(C(6*P)=2);
  TOUCH(C(4*P));
  TOUCH(C(0)=1);
  T(raw(SYS_mprotect,B+6*P,P,RW,0,0,0));
  TOUCH(C(6*P));
  printf("%d\n",C(6*P));
  show("merged");
  T(raw(SYS_munmap,B,0,0,0,0,0));
  T(raw(SYS_munmap,B+1,P,0,0,0,0));
  T(raw(SYS_munmap,B,-1L,0,0,0,0));
  T(raw(SYS_munmap,B+(1<<29),P,0,0,0,0));
  T(raw(SYS_munmap,B,1,0,0,0,0));
  show("un1");
  T(raw(SYS_munmap,0,P,0,0,0,0));
  T(raw(SYS_munmap,0x7ffffffff000L,P,0,0,0,0));
  T(raw(SYS_mprotect,B+1,P,RW,0,0,0));
  T(raw(SYS_mprotect,B,0,RW,0,0,0));
  T(raw(SYS_mprotect,B,-1L,RW,0,0,0));
  T(raw(SYS_mprotect,B,P,0x100,0,0,0));
  T(raw(SYS_mprotect,B,P,RW|8,0,0,0));
  T(raw(SYS_mprotect,B,P,RW|0x3000000,0,0,0));
  T(raw(SYS_mprotect,B+P,P,RW|0x1000000,0,0,0));
  T(raw(SYS_mprotect,B+P,P,RW|0x2000000,0,0,0));
  T(raw(SYS_mprotect,B+(1<<29),P,RW,0,0,0));
  clr();
 /* noreplace, hints */
  T(MM(B,2*P,RW,A,-1,0));
  T(MM(B+P,P,RW,MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE,-1,0));
  T(MM(B+2*P,P,RW,MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE,-1,0));
  T(MM(B+8*P+5,P,RW,MAP_PRIVATE|MAP_ANONYMOUS,-1,0));
  show("hint");
  T(MM(B+8*P,P,RW,MAP_PRIVATE|MAP_ANONYMOUS,-1,0)>0); 
  char*p=mmap(0,4*P,RW,MAP_PRIVATE|MAP_ANONYMOUS,-1,0); char*q=mmap(0,4*P,RW,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);
  printf("below %ld\n",(long)(p-q)/4096); munmap(p,4*P); char*z=mmap(0,2*P,RW,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);
  printf("hole %ld\n",(long)(p-z)/4096); char*y=mmap(0,3*P,RW,MAP_PRIVATE|MAP_ANONYMOUS,-1,0);
  printf("next %ld\n",(long)(q-y)/4096);
  clr();
 /* mremap */
  T(MM(B,4*P,RW,A,-1,0)); strcpy((char*)B,"zero"); strcpy((char*)B+3*P,"three");
  T(raw(SYS_mremap,B,4*P,2*P,0,0,0));
  show("shrink");
  T(raw(SYS_mremap,B,2*P,6*P,0,0,0));
  show("grow");
  puts((char*)B);
  T(MM(B+6*P,P,PROT_READ,A,-1,0));
  T(raw(SYS_mremap,B,6*P,8*P,0,0,0));
  T(raw(SYS_mremap,B,6*P,8*P,MREMAP_MAYMOVE|MREMAP_FIXED,B+16*P,0));
  show("moved");
  puts((char*)B+16*P);
  T(raw(SYS_mremap,B+16*P+1,P,P,0,0,0));
  T(raw(SYS_mremap,B+16*P,P,0,0,0,0));
  T(raw(SYS_mremap,B+16*P,P,P,8,0,0));
  T(raw(SYS_mremap,B+16*P,P,P,2,0,0));
  T(raw(SYS_mremap,B+16*P,P,2*P,4|1,0,0));
  T(raw(SYS_mremap,B+(1<<29),P,P,0,0,0));
  T(raw(SYS_mremap,B+16*P,20*P,24*P,1,0,0));
  T(raw(SYS_mremap,B+16*P,0,P,1,0,0));
  T(raw(SYS_mremap,B+16*P,2*P,2*P,3,B+17*P,0));
  T(raw(SYS_mremap,B+16*P,2*P,2*P,3,B+17*P+1,0));
  T(raw(SYS_mremap,B+16*P,2*P,2*P,3,-4096L,0));
  T(raw(SYS_mremap,B+16*P,2*P,2*P,5,B+40*P,0));
  show("dontunmap");
  printf("%s|%s\n",(char*)B+16*P,(char*)B+40*P);
  T(raw(SYS_mremap,B+18*P,P,3*P,3,B+60*P,0));
  show("part");
  clr();
 /* file */
  char path[]="/tmp/s1mmXXXXXX"; int fd=mkstemp(path); for(int i=0;i<5000;i++) write(fd,&"abcdefghij"[i%10],1); int ro=open(path,O_RDONLY), wo=open(path,O_WRONLY);
  T(MM(B,2*P,RW,MAP_PRIVATE|MAP_FIXED,fd,0));
  T(MM(B+2*P,3*P,RW,MAP_SHARED|MAP_FIXED,fd,0));
  T(MM(B+8*P,P,RW,MAP_SHARED|MAP_FIXED,ro,0));
  T(MM(B+8*P,P,PROT_READ,MAP_SHARED|MAP_FIXED,wo,0));
  T(MM(B+8*P,P,PROT_READ,MAP_SHARED|MAP_FIXED,ro,P));
  T(MM(B+9*P,P,RW,MAP_PRIVATE|MAP_FIXED,ro,0));
  T(MM(B+10*P,P,RW,MAP_SHARED_VALIDATE|MAP_FIXED|0x80000,fd,0));
  T(MM(B+11*P,P,RW,MAP_SHARED|MAP_FIXED,fd,0x7ffffffffffff000L));
  T(MM(B+11*P,P,RW,MAP_PRIVATE|MAP_FIXED,fd,1));
  show("files");
  TOUCH(C(4999));
  TOUCH(C(5001));
  TOUCH(C(2*P-1));
  TOUCH(C(2*P+8191)=7);
  TOUCH(C(2*P+8192));
  TOUCH(C(2*P+5)='X');
  printf("%c%c\n",C(5),C(2*P+5)); char b[8]; pread(fd,b,8,0);
  printf("%.8s\n",b);
  TOUCH(C(0)='P'); pread(fd,b,8,0);
  printf("%.8s %c\n",b,C(0)); pwrite(fd,"QQ",2,10);
  printf("%c %c\n",C(10),C(2*P+10));
  T(raw(SYS_mprotect,B+8*P,P,RW,0,0,0));
  T(raw(SYS_mprotect,B+9*P,P,RW|PROT_EXEC,0,0,0)); ftruncate(fd,100);
  TOUCH(C(2*P+4096));
  TOUCH(C(2*P+99));
  printf("%d\n",C(2*P+101));
  int dn=open("/dev/null",O_RDWR), dz=open("/dev/zero",O_RDWR), dd=open("/tmp",O_RDONLY), op=open("/tmp",O_PATH);
  T(MM(B+20*P,P,PROT_READ,MAP_PRIVATE|MAP_FIXED,dn,0));
  T(MM(B+20*P,P,RW,MAP_PRIVATE|MAP_FIXED,dz,0));
  TOUCH(C(20*P)=3);
  T(MM(B+21*P,P,PROT_READ,MAP_PRIVATE|MAP_FIXED,dd,0));
  T(MM(B+21*P,P,PROT_READ,MAP_PRIVATE|MAP_FIXED,op,0));
  T(MM(B+22*P,P,RW,MAP_PRIVATE|MAP_FIXED|MAP_GROWSDOWN,fd,0));
  int pp[2]; pipe(pp);
  T(MM(B+22*P,P,PROT_READ,MAP_PRIVATE|MAP_FIXED,pp[0],0));
  unlink(path);
  clr();
 /* shared anon */
  T(MM(B,4*P,RW,MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED,-1,0)); C(0)=9;
  T(raw(SYS_mremap,B,0,2*P,3,B+10*P,0));
  printf("dup %d\n",C(10*P)); C(10*P+1)=5;
  printf("%d\n",C(1));
  T(raw(SYS_mremap,B,4*P,6*P,0,0,0));
  T(MM(B+6*P,P,RW,MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED,-1,0));
  show("shm");
  clr();
 /* madvise */
  T(MM(B,4*P,RW,A,-1,0)); C(0)=1; C(P)=2;
  T(raw(SYS_madvise,B,P,4,0,0,0));
  printf("%d %d\n",C(0),C(P));
  T(raw(SYS_madvise,B+1,P,4,0,0,0));
  T(raw(SYS_madvise,B,P,77,0,0,0));
  T(raw(SYS_madvise,B,0,4,0,0,0));
  T(raw(SYS_madvise,B,-1L,4,0,0,0));
  T(raw(SYS_madvise,B,6*P,4,0,0,0));
  printf("%d\n",C(P));
  T(raw(SYS_madvise,B,P,8,0,0,0));
  T(raw(SYS_madvise,B,P,9,0,0,0));
  T(raw(SYS_madvise,B,P,3,0,0,0));
  T(raw(SYS_madvise,B,P,14,0,0,0));
  T(raw(SYS_madvise,B+8*P,P,0,0,0,0));
  T(raw(SYS_madvise,B,-1L,99,0,0,0));
  T(raw(SYS_madvise,B,2*P,22,0,0,0));
  T(raw(SYS_madvise,B,2*P,23,0,0,0));
  T(raw(SYS_madvise,B,8*P,23,0,0,0)); mprotect((void*)B,P,PROT_NONE);
  T(raw(SYS_madvise,B,2*P,22,0,0,0));
  T(raw(SYS_madvise,B,2*P,23,0,0,0));
  T(raw(SYS_madvise,B,P,20,0,0,0));
  T(raw(SYS_madvise,B,P,18,0,0,0));
  T(raw(SYS_madvise,B,P,19,0,0,0));
  clr();
  unsigned char v[8]={7,7,7,7,7,7,7,7};
  T(MM(B,4*P,RW,A,-1,0)); C(P)=1;
  T(raw(SYS_mincore,B,4*P,(long)v,0,0,0));
  printf("%d%d%d%d%d\n",v[0]&1,v[1]&1,v[2]&1,v[3]&1,v[4]);
  T(raw(SYS_mincore,B+1,P,(long)v,0,0,0));
  T(raw(SYS_mincore,B,5*P,(long)v,0,0,0));
  T(raw(SYS_mincore,B,P,0,0,0,0));
  T(raw(SYS_mincore,B,0,0,0,0,0));
  T(raw(SYS_mincore,0x7ffffffff000L,P,(long)v,0,0,0));
  T(raw(SYS_mincore,B+(1<<29),P,(long)v,0,0,0));
  T(raw(SYS_msync,B,P,4,0,0,0));
  T(raw(SYS_msync,B,P,5,0,0,0));
  T(raw(SYS_msync,B,P,8,0,0,0));
  T(raw(SYS_msync,B+1,P,4,0,0,0));
  T(raw(SYS_msync,B,8*P,4,0,0,0));
  T(raw(SYS_msync,B,0,4,0,0,0));
  T(raw(SYS_msync,B,-1L,4,0,0,0));
  T(raw(SYS_mlock,B,P,0,0,0,0));
  T(raw(SYS_mlock,B,8*P,0,0,0,0));
  T(raw(SYS_munlock,B,P,0,0,0,0));
  T(raw(SYS_munlock,B,8*P,0,0,0,0));
  T(raw(SYS_mlock2,B,P,2,0,0,0));
  T(raw(SYS_mlock2,B,P,1,0,0,0));
  T(raw(SYS_munlock,B,4*P,0,0,0,0));
  T(raw(SYS_mlockall,0,0,0,0,0,0));
  T(raw(SYS_mlockall,8,0,0,0,0,0));
  T(raw(SYS_mlockall,4,0,0,0,0,0));
  T(raw(SYS_munlockall,0,0,0,0,0,0));
  T(raw(SYS_mlock,B,-1L,0,0,0,0));
  T(raw(SYS_mlock,B,0,0,0,0,0)); mprotect((void*)B,P,PROT_NONE);
  T(raw(SYS_mlock,B,P,0,0,0,0));
  T(raw(SYS_munlock,B,P,0,0,0,0));
  clr();
 /* brk */
  long b0=raw(SYS_brk,0,0,0,0,0,0);
  T(raw(SYS_brk,b0+5*P,0,0,0,0,0)-b0); *(char*)(b0+4*P)=1;
  T(raw(SYS_brk,b0+100,0,0,0,0,0)-b0-100);
  T(raw(SYS_brk,1,0,0,0,0,0)-b0-100);
  T(raw(SYS_brk,b0+5*P,0,0,0,0,0)-b0-5*P);
  printf("%d\n",*(char*)(b0+4*P));
  T(raw(SYS_brk,b0,0,0,0,0,0)-b0);
  T(raw(SYS_brk,b0+(1L<<45),0,0,0,0,0)-b0); 
  struct rlimit rl; getrlimit(RLIMIT_DATA,&rl); struct rlimit r2={1<<20,rl.rlim_max}; setrlimit(RLIMIT_DATA,&r2);
  T(raw(SYS_brk,b0+(8<<20),0,0,0,0,0)-b0);
  T(MM(B,8<<20,RW,A,-1,0));
  T(MM(B,8<<20,PROT_READ,A,-1,0)); setrlimit(RLIMIT_DATA,&rl);
  clr();
  getrlimit(RLIMIT_AS,&rl); r2.rlim_cur=1<<20; r2.rlim_max=rl.rlim_max; setrlimit(RLIMIT_AS,&r2);
  T(MM(B,8<<20,RW,A,-1,0)); setrlimit(RLIMIT_AS,&rl);
 /* growsdown */
  T(MM(B+100*P,P,RW,A|MAP_GROWSDOWN,-1,0));
  TOUCH(C(99*P)=1);
  TOUCH(C(90*P)=1);
  show("grown");
  T(MM(B+80*P,P,RW,A,-1,0));
  TOUCH(C(85*P)=1);
  T(raw(SYS_mprotect,B+95*P,P,PROT_READ|0x1000000,0,0,0));
  show("gd");
  fflush(stdout); _exit(0);
}
