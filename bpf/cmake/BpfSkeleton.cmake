# bpf_skeleton_add(TARGET NAME name [DEFINE macro...] INCLUDE dir... SOURCES a.bpf.c hooks/b.bpf.c ...)
# Compile each source to an object of its own, link them, and generate NAME.skel.h for the INTERFACE target TARGET.

find_program(BPF_CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
	set(BPF_TARGET_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
	set(BPF_TARGET_ARCH arm64)
else()
	message(FATAL_ERROR "No system call numbers are known for ${CMAKE_SYSTEM_PROCESSOR}: see bpf/lib/syscall_abi.bpf.h")
endif()

function(bpf_skeleton_add target)
	cmake_parse_arguments(B "" "NAME" "DEFINE;INCLUDE;SOURCES" ${ARGN})
	list(TRANSFORM B_INCLUDE PREPEND -I)
	list(TRANSFORM B_DEFINE PREPEND -D)
	set(objects)
	foreach(source IN LISTS B_SOURCES)
		string(REPLACE ".bpf.c" ".bpf.o" object ${CMAKE_CURRENT_BINARY_DIR}/${B_NAME}/${source})
		get_filename_component(directory ${object} DIRECTORY)
		file(MAKE_DIRECTORY ${directory})
		add_custom_command(OUTPUT ${object}
			COMMAND ${BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu11 -ffreestanding
				-D__TARGET_ARCH_${BPF_TARGET_ARCH} ${B_DEFINE} ${B_INCLUDE}
				-idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
				-Wall -Wextra -Wno-unused-parameter -Wno-unused-function -Wno-missing-declarations
				-Wno-visibility $<$<BOOL:${SHMOTEL_WERROR}>:-Werror>
				-MD -MF ${object}.d -MT ${object}
				-c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
			DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
			DEPFILE ${object}.d
			COMMENT "BPF ${B_NAME} ${source}" VERBATIM)
		list(APPEND objects ${object})
	endforeach()

	set(linked ${CMAKE_CURRENT_BINARY_DIR}/${B_NAME}.bpf.o)
	set(header ${CMAKE_CURRENT_BINARY_DIR}/skeleton/${B_NAME}.skel.h)
	file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/skeleton)
	add_custom_command(OUTPUT ${linked}
		COMMAND ${BPFTOOL} gen object ${linked}.new ${objects}
		COMMAND ${CMAKE_COMMAND} -E rename ${linked}.new ${linked}
		DEPENDS ${objects} COMMENT "BPF link ${B_NAME}" VERBATIM)
	# A failed bpftool must not leave a truncated header behind: the name appears when the file is whole.
	add_custom_command(OUTPUT ${header}
		COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4.new\" && mv \"$4.new\" \"$4\"" --
			${BPFTOOL} ${linked} ${B_NAME}_bpf ${header}
		DEPENDS ${linked} COMMENT "BPF skeleton ${B_NAME}" VERBATIM)
	add_custom_target(${target}_header DEPENDS ${header})
	add_library(${target} INTERFACE)
	add_dependencies(${target} ${target}_header)
	target_include_directories(${target} SYSTEM INTERFACE ${CMAKE_CURRENT_BINARY_DIR}/skeleton)
	target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()
