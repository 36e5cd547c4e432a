/* The initial stack, and calls about threads and processes. Printed natively and in the emulated
   kernel; the two outputs must be the same. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <errno.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sched.h>
#include <linux/futex.h>
#include <time.h>
extern char **environ; extern void*__libc_stack_end;
static long raw(long n,long a,long b,long c,long d,long e,long f){ long r=syscall(n,a,b,c,d,e,f); return r==-1?-errno:r;}
#define T(e) printf("%s -> %ld\n",#e,(long)(e))
int main(int c,char**v){
  char**e=environ; while(*e)e++; Elf64_auxv_t*a=(void*)(e+1);
  printf("argc %d align %d argvptr %d\n",c,(int)((unsigned long)(v-1)&15),(int)(*(long*)(v-1)));
  for(;;a++){ unsigned long x=a->a_un.a_val;
  printf("%lu",a->a_type); switch(a->a_type){case AT_PAGESZ:case AT_CLKTCK:case AT_PHENT:case AT_PHNUM:case AT_FLAGS:case AT_BASE:case AT_UID:case AT_GID:case AT_SECURE:case 27: case 28: printf(" %lu",x);break;case AT_EXECFN:printf(" %s",strrchr((char*)x,'/'));break;case AT_PLATFORM:printf(" %s",(char*)x);break; case AT_PHDR: printf(" %x",(unsigned)(x&0xfff)); break; case AT_ENTRY: break; case AT_RANDOM: printf(" r%d",(int)(x>(unsigned long)a)); break;} putchar('\n'); if(!a->a_type)break;}
  char*fn=0; for(a=(void*)(e+1);a->a_type;a++) if(a->a_type==AT_EXECFN) fn=(char*)a->a_un.a_val;
  printf("order %d %d %d end %lx\n", v[0]<v[c-1]||c==1, v[c-1]<environ[0], environ[0]<fn, ((unsigned long)fn+strlen(fn)+1+8)&0xfff);
  printf("contig %d %d\n",(int)(v[0]+strlen(v[0])+1==v[1]),(int)(v[c-1]+strlen(v[c-1])+1==environ[0]));
  int w=1; struct timespec ts={0,1000000}, bad={0,1000000000};
  T(raw(SYS_futex,&w,0,2,0,0,0));
  T(raw(SYS_futex,&w,0,1,&ts,0,0));
  T(raw(SYS_futex,&w,0,1,&bad,0,0));
  T(raw(SYS_futex,&w,1,1,0,0,0));
  T(raw(SYS_futex,(char*)&w+1,1,1,0,0,0));
  T(raw(SYS_futex,0,0,1,0,0,0));
  T(raw(SYS_futex,8,0,1,0,0,0));
  T(raw(SYS_futex,&w,9,1,0,0,0));
  T(raw(SYS_futex,&w,99,1,0,0,0));
  T(raw(SYS_futex,&w,10,1,0,0,0));
  T(raw(SYS_futex,&w,3,1,1,&w,0));
  T(raw(SYS_futex,&w,4,1,1,&w,5));
  T(raw(SYS_futex,-8L,1,1,0,0,0));
  T(raw(SYS_futex,&w,0,2,-1L,0,0));
  T(raw(SYS_futex,&w,9,1,&ts,0,1));
  T(raw(SYS_futex,&w,1|256,1,0,0,0));
  T(raw(SYS_futex,&w,5,1,1,&w,(1<<28)|(0<<24)|(2<<12)|3));
  printf("%d\n",w);
 cpu_set_t m;
  T(raw(SYS_sched_getaffinity,0,4,&m,0,0,0));
  T(raw(SYS_sched_getaffinity,0,7,&m,0,0,0));
  T(raw(SYS_sched_getaffinity,0,128,&m,0,0,0)>0);
  T(raw(SYS_sched_getaffinity,0,8,0,0,0,0));
  T(raw(SYS_sched_getaffinity,99999999,8,&m,0,0,0)); memset(&m,0,sizeof m);
  T(raw(SYS_sched_setaffinity,0,8,&m,0,0,0)); m.__bits[0]=1;
  T(raw(SYS_sched_setaffinity,0,8,&m,0,0,0));
  T(raw(SYS_sched_setaffinity,0,8,0,0,0,0));
  T(raw(SYS_sched_yield,0,0,0,0,0,0)); unsigned cpu=9,node=9;
  T(raw(SYS_getcpu,&cpu,&node,0,0,0,0));
  printf("%u %u\n",cpu,node);
  T(raw(SYS_getcpu,8,0,0,0,0,0));
  T(prctl(PR_SET_NAME,"averyverylongname",0,0,0)); char nm[17]; memset(nm,'x',17);
  T(prctl(PR_GET_NAME,nm,0,0,0)); nm[16]=0;
  puts(nm);
  T(raw(SYS_prctl,PR_GET_NAME,8,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_DUMPABLE,0,0,0,0,0));
  T(raw(SYS_prctl,PR_SET_DUMPABLE,5,0,0,0,0));
  T(raw(SYS_prctl,9999,0,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_NO_NEW_PRIVS,0,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_NO_NEW_PRIVS,1,0,0,0,0));
  T(raw(SYS_prctl,PR_SET_PDEATHSIG,65,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_SECCOMP,0,0,0,0,0));
  T(raw(SYS_prctl,PR_CAPBSET_READ,99,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_TIMERSLACK,0,0,0,0,0));
  T(raw(SYS_prctl,PR_SET_KEEPCAPS,2,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_KEEPCAPS,0,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_THP_DISABLE,0,0,0,0,0));
  T(raw(SYS_prctl,PR_GET_TSC,8,0,0,0,0));
  T(raw(SYS_personality,0xffffffff,0,0,0,0,0));
  T(raw(SYS_membarrier,0,1,0,0,0,0));
  T(raw(SYS_membarrier,3,0,0,0,0,0));
  T(raw(SYS_membarrier,8,0,0,0,0,0));
  T(raw(SYS_membarrier,16,0,0,0,0,0));
  T(raw(SYS_membarrier,8,0,0,0,0,0));
  T(raw(SYS_membarrier,1,0,0,0,0,0));
  T(raw(SYS_membarrier,1<<20,0,0,0,0,0));
  T(raw(SYS_set_robust_list,8,23,0,0,0,0)); long h,l;
  T(raw(SYS_get_robust_list,0,&h,&l,0,0,0));
  T(l);
  T(raw(SYS_get_robust_list,0,8,&l,0,0,0));
  T(raw(SYS_set_tid_address,0,0,0,0,0,0)==getpid());
  T(raw(SYS_arch_prctl,0x1003,&h,0,0,0,0)); unsigned long fs; __asm__("mov %%fs:0,%0":"=r"(fs));
  T(fs==h);
  T(raw(SYS_arch_prctl,0x1002,-1L,0,0,0,0));
  T(raw(SYS_arch_prctl,0x1003,8,0,0,0,0));
  T(raw(SYS_arch_prctl,0x1001,0x1234,0,0,0,0));
  T(raw(SYS_arch_prctl,0x1004,&h,0,0,0,0));
  T(h);
  T(raw(SYS_arch_prctl,0x9999,0,0,0,0,0));
  T(raw(SYS_arch_prctl,0x1011,0,0,0,0,0));
  static struct {unsigned a[8];} __attribute__((aligned(32))) rs;
  T(raw(SYS_rseq,&rs,32,0,0x53053053,0,0));
  T(raw(SYS_rseq,(char*)&rs+1,32,0,1,0,0));
  T(raw(SYS_rseq,&rs,32,2,1,0,0));
  T(raw(SYS_rseq,&rs,32,1,1,0,0));
  T(raw(SYS_gettid,0,0,0,0,0,0)==getpid());
  T(raw(9999,0,0,0,0,0,0));
  T(raw(-1L,0,0,0,0,0,0));
  T(raw(334+100000,0,0,0,0,0,0));
  T(raw(1L<<32|39,0,0,0,0,0,0)==getpid());
  return 7;
}
