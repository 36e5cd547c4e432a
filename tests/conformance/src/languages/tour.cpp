// Exceptions, threads, iostreams, file systems and time of the C++17 library.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <random>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
using std::cout;
using ms = std::chrono::milliseconds;

struct Loud {
    const char *name;
    ~Loud() { cout << "~" << name << "\n"; }
};

static void thrower(int depth)
{
    Loud loud{"thrower"};
    if (depth == 0)
        throw std::runtime_error("deep");
    thrower(depth - 1);
}

static void exceptions()
{
    try {
        thrower(2);
    } catch (const std::exception &error) {
        cout << "caught " << error.what() << "\n";
    }
    try {
        throw 5;
    } catch (...) {
        try {
            std::rethrow_exception(std::current_exception());
        } catch (int number) {
            cout << "int " << number << "\n";
        }
    }
    try {
        std::vector<int>(3).at(10);
    } catch (const std::out_of_range &) {
        cout << "out of range\n";
    }
}

thread_local int local = 5;
thread_local std::string local_text = "abc";

static void threads()
{
    std::mutex lock;
    std::condition_variable turned;
    int turn = 0;
    std::ostringstream said;
    std::vector<std::thread> all;
    for (int i = 0; i < 4; i++)
        all.emplace_back([&, i] {
            std::unique_lock held(lock);
            turned.wait(held, [&] { return turn == i; });
            said << i << " " << local++ << local_text << ";";
            turn++;
            turned.notify_all();
        });
    for (auto &each : all)
        each.join();
    cout << said.str() << "\n";

    auto failed = std::async(std::launch::async, []() -> int {
        std::this_thread::sleep_for(ms(20));
        throw std::logic_error("from async");
    });
    try {
        failed.get();
    } catch (const std::exception &error) {
        cout << error.what() << "\n";
    }
    std::promise<int> promise;
    std::thread giver([&] { promise.set_value(42); });
    cout << promise.get_future().get() << "\n";
    giver.join();

    std::atomic<long> sum{0};
    std::vector<std::thread> adders;
    for (int i = 0; i < 8; i++)
        adders.emplace_back([&] {
            for (int k = 0; k < 2000; k++)
                sum.fetch_add(k % 3);
        });
    for (auto &each : adders)
        each.join();
    cout << sum << "\n";

    std::timed_mutex timed;
    timed.lock();
    std::thread waiter([&] { cout << timed.try_lock_for(ms(30)) << "\n"; });
    waiter.join();
    timed.unlock();
    std::shared_mutex shared;
    std::shared_lock reader(shared);
    cout << shared.try_lock_shared() << shared.try_lock() << "\n";
    shared.unlock_shared();
    auto before = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(ms(50));
    cout << (std::chrono::steady_clock::now() - before >= ms(50)) << "\n";
}

static void files()
{
    fs::path home = fs::absolute("tree");
    fs::create_directories(home / "b" / "c");
    std::ofstream(home / "b" / "f.txt") << "hello " << std::setprecision(12) << 3.14159265358979;
    std::ifstream in(home / "b" / "f.txt");
    std::string word;
    double number = 0;
    in >> word >> number;
    cout << word << " " << number << " " << fs::file_size(home / "b" / "f.txt") << "\n";
    fs::copy(home / "b" / "f.txt", home / "g.txt");
    fs::rename(home / "g.txt", home / "h.txt");
    fs::create_symlink("h.txt", home / "link");
    std::vector<std::string> names;
    for (auto &entry : fs::recursive_directory_iterator(home))
        names.push_back(entry.path().lexically_relative(home).string());
    std::sort(names.begin(), names.end());
    for (auto &name : names)
        cout << name << "\n";
    cout << fs::read_symlink(home / "link") << " " << fs::remove_all(home) << "\n";
    std::error_code error;
    fs::file_size("nothing", error);
    cout << error.message() << "\n";
}

int main()
{
    exceptions();
    threads();
    files();
    std::smatch match;
    std::string text = "me@home";
    std::regex_match(text, match, std::regex("(\\w+)@(\\w+)"));
    cout << match[2] << " " << std::mt19937(42)() << "\n";
    std::random_device device;
    cout << (device() != device() || device() != device()) << std::endl;
    std::thread([] { throw std::runtime_error("nobody catches this"); }).join();
}
