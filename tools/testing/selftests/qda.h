/* SPDX-License-Identifier: GPL-2.0 */
/* Jobs of accel_qda: packets made by hand, and the models' faults. */
#ifndef _ACCEL_SELFTESTS_QDA_H
#define _ACCEL_SELFTESTS_QDA_H

#include <accel/qda_accel.h>

#include "address_space.h"
#include "host.h"
#include "job.h"

#define QDA_DRIVER	"accel_qda"
#define LOCAL		ACCEL_QDA_MEMORY
#define MOST_PACKETS	128
#define MOST_LINKS	8
#define REVIVED_NS	(20 * NSEC_PER_SEC)

static inline struct accel_info_qda qda_info(int fd)
{
	struct accel_info_qda answer = { .revision = 0 };

	info(fd, ACCEL_INFO_QDA, &answer, sizeof(answer));
	return answer;
}

/* The number K of card "qdaK": all bytes of its UUID are K + 1 (tools/testing/vm/models.py). */
static inline bool is_qda(const struct accel_info_device *device, void *number)
{
	return !strcmp(device->driver, QDA_DRIVER) && device->uuid[0] == *(int *)number + 1;
}

/* Index of the nodes of card "qda@number". */
static inline int qda_index(int number)
{
	return visit_devices(is_qda, &number);
}

static inline int open_qda(int number)
{
	int index = qda_index(number);

	return index < 0 ? index : open_compute(index);
}

/* How many links a card has. */
static inline unsigned int link_count(int fd)
{
	struct accel_info argument;

	return info_call(fd, &argument, ACCEL_INFO_LINKS, NULL, 0) ?
	       0 : argument.size / argument.element_size;
}

/* A link of a card; all 0 if there is no such one. */
static inline struct accel_info_link qda_link(int fd, unsigned int number)
{
	struct accel_info_link links[MOST_LINKS] = { 0 };

	info(fd, ACCEL_INFO_LINKS, links, sizeof(links));
	return links[number];
}

static inline bool becomes_up(int fd, unsigned int number)
{
	__s64 end = now_ns() + SLACK_NS;

	while (qda_link(fd, number).state != ACCEL_LINK_UP && now_ns() < end)
		sleep_ms(5);
	return qda_link(fd, number).state == ACCEL_LINK_UP;
}

static inline struct accel_qda_packet nop(void)
{
	return (struct accel_qda_packet){ .opcode = ACCEL_QDA_NOP };
}

/* Moves @size bytes in one row. */
static inline struct accel_qda_packet move(__u64 from, __u64 to, __u32 size)
{
	return (struct accel_qda_packet){
		.opcode = ACCEL_QDA_COPY,
		.a = from,
		.d = to,
		.rows = 1,
		.columns = size,
	};
}

/* Sets @size bytes to those of @value, again and again. */
static inline struct accel_qda_packet fill(__u64 to, __u32 size, __u32 value)
{
	return (struct accel_qda_packet){
		.opcode = ACCEL_QDA_FILL,
		.d = to,
		.rows = 1,
		.columns = size,
		.scalar = value,
	};
}

/* Waits for the u64 at @address to be @value, for @time us; 0: for ever. */
static inline struct accel_qda_packet await(__u64 address, __u64 value, __u32 time)
{
	return (struct accel_qda_packet){
		.opcode = ACCEL_QDA_WAIT,
		.a = address,
		.b = value,
		.scalar = time,
	};
}

/* A payload of @size bytes, in a submission that says why it is refused: the number or -errno. */
static inline __s64 submit_payload(int fd, __u32 queue, const struct accel_qda_packet *packets,
				   __u32 size, struct accel_submit *submit)
{
	struct accel_submit_job entry = { .payload = user(packets), .payload_size = size };
	int error;

	*submit = (struct accel_submit){ .queue = queue };
	error = submit_entry(fd, submit, &entry);
	return error ? error : (__s64)entry.job;
}

/* Returns the number of the job in @queue or -errno. */
static inline __s64 submit_packets(int fd, __u32 queue, const struct accel_qda_packet *packets,
				   unsigned int count)
{
	struct accel_submit submit;

	return submit_payload(fd, queue, packets, count * sizeof(*packets), &submit);
}

/* Submits packets and waits for their end; @status may be NULL. */
static inline int run_packets(int fd, __u32 queue, const struct accel_qda_packet *packets,
			      unsigned int count, struct accel_job_status *status)
{
	__s64 number = submit_packets(fd, queue, packets, count);

	if (status)
		*status = (struct accel_job_status){ 0 };
	return number < 0 ? number : wait_in(fd, queue, number, FOREVER, status);
}

static inline int run_packet(int fd, __u32 queue, struct accel_qda_packet packet,
			     struct accel_job_status *status)
{
	return run_packets(fd, queue, &packet, 1, status);
}

/* Whether a card does a job. */
static inline bool is_working(int card)
{
	int fd = open_qda(card), error = fd < 0;

	if (!error)
		error = run_packet(fd, create_queue_in(fd, create_space(fd)), nop(), NULL);
	close(fd);
	return !error;
}

/* How often the firmware of a card died and was brought back. */
static inline __u64 restarts(int fd)
{
	struct accel_info_firmware firmware = { .restarts = 0 };

	info(fd, ACCEL_INFO_FIRMWARE, &firmware, sizeof(firmware));
	return firmware.restarts;
}

/* Waits until firmware was lost more than @before times. */
static inline bool is_revived(int fd, __u64 before)
{
	__s64 end = now_ns() + REVIVED_NS;

	while (restarts(fd) == before && now_ns() < end)
		sleep_ms(20);
	return restarts(fd) > before;
}

/* Waits until the card was reset more than @before times. */
static inline bool is_reset(int fd, __u32 before)
{
	__s64 end = now_ns() + REVIVED_NS;

	while (status_of(fd).epoch == before && now_ns() < end)
		sleep_ms(20);
	return status_of(fd).epoch > before;
}

static inline bool is_operational(int fd)
{
	return status_of(fd).health == ACCEL_HEALTH_OPERATIONAL;
}

/* Waits until a card is in @health; returns whether it came to that. */
static inline bool comes_to(int fd, enum accel_health health)
{
	__s64 end = now_ns() + REVIVED_NS;

	while (status_of(fd).health != health && now_ns() < end)
		sleep_ms(5);
	return status_of(fd).health == health;
}

/* Gives the model of a card a command; returns whether it obeyed. */
static inline bool qda_model(int card, const char *command)
{
	char line[128];

	snprintf(line, sizeof(line), "model qda%d %s", card, command);
	return host(line);
}

/* A number of the state of a card's model; -1 if it has none of that name. */
static inline long qda_state(int card, const char *name)
{
	char line[32], answer[HOST_ANSWER], *at;

	snprintf(line, sizeof(line), "model qda%d state", card);
	if (!ask_host(line, answer))
		return -1;
	at = strstr(answer, name);
	return at && at[strlen(name)] == '=' ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

/* Binds or unbinds the card at a PCI address, as @file says. */
static inline int bind_qda(const char *address, const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/" QDA_DRIVER "/%s", file);
	return write_file(path, address);
}

/* A number of the debugfs file "card"; -1 if it has none of that name. */
static inline long qda_number(int index, const char *name)
{
	char path[64], text[1024], *at;

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel_core/%d/card", index);
	if (read_file(path, text, sizeof(text)))
		return -1;
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

#endif /* _ACCEL_SELFTESTS_QDA_H */
